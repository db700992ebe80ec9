// What Database asks of the driver of a database server (postgres.h). A driver takes the SQL that
// SQLite takes, as far as Skiff's statements go.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace skiff::db_detail {

// As Statement in database.h says.
class ServerStatement {
 public:
  virtual ~ServerStatement() = default;
  virtual Result<> bind(int index, int64_t value) = 0;
  virtual Result<> bind_text(int index, std::string_view text) = 0;
  virtual Result<> bind_bytes(int index, std::string_view bytes) = 0;
  virtual Result<> bind_null(int index) = 0;
  virtual Result<bool> step() = 0;
  virtual int64_t integer(int column) const = 0;
  virtual std::string text(int column) const = 0;
  virtual bool is_null(int column) const = 0;
};

// One session. What broke is connected again by itself, outside of transactions.
class ServerConnection {
 public:
  virtual ~ServerConnection() = default;
  virtual Result<std::unique_ptr<ServerStatement>> prepare(std::string_view sql) = 0;
  virtual Result<> execute(const std::string& script) = 0;
  virtual Result<> begin() = 0;
  virtual Result<> commit() = 0;
  virtual void roll_back() = 0;
  // Whether the last transaction failed for what ran beside it, or for a connection that was lost
  // before its commit.
  virtual bool refused() const = 0;
  // Rows that the last statement changed.
  virtual int64_t changes() const = 0;
  // Of this process's connections each has another; where they begin each process chooses anew.
  virtual uint32_t number() const = 0;
};

}  // namespace skiff::db_detail
