// One session with a PostgreSQL server. Used by postgres*.cpp only.
#pragma once

#include <postgresql/libpq-fe.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "db/postgres_sql.h"
#include "db/server.h"

namespace skiff::db_detail {

struct PostgresRelease {
  void operator()(PGconn* connection) const { PQfinish(connection); }
  void operator()(PGresult* result) const { PQclear(result); }
};
using PostgresResult = std::unique_ptr<PGresult, PostgresRelease>;

// A parameter in binary, as the server reads it.
struct PostgresValue {
  Oid type = 0;
  std::optional<std::string> bytes;
};

class PostgresSession : public ServerConnection {
 public:
  // `parameters` are libpq's keywords; `setup` is run after each connect.
  PostgresSession(std::vector<std::pair<std::string, std::string>> parameters, std::string setup)
      : parameters_(std::move(parameters)), setup_(std::move(setup)) {}

  Result<> connect();
  // Its rows, or why there are none. Only reads are tried again on a new connection.
  Result<PostgresResult> run(const std::string& sql, const PostgresSql& statement,
                             const std::vector<PostgresValue>& values);

  Result<std::unique_ptr<ServerStatement>> prepare(std::string_view sql) override;
  Result<> execute(const std::string& script) override;
  Result<> begin() override;
  Result<> commit() override;
  void roll_back() override;
  bool refused() const override { return refused_; }
  int64_t changes() const override { return changes_; }
  uint32_t number() const override { return number_; }

 private:
  static uint32_t next_number();
  bool is_connected() const { return connection_ && PQstatus(connection_.get()) == CONNECTION_OK; }
  Result<> reconnect();
  Result<PostgresResult> run_alone_or_once(const std::string& sql, const PostgresSql& statement,
                                           const std::vector<PostgresValue>& values);
  Result<PostgresResult> try_run(const std::string& sql, const PostgresSql& statement,
                                 const std::vector<PostgresValue>& values);
  Result<std::string> prepared(const std::string& sql, const PostgresSql& statement,
                               const std::vector<PostgresValue>& values);
  Result<PostgresResult> judged(PGresult* result, std::string_view what);
  Error failure(const PGresult* result, std::string_view what);

  const std::vector<std::pair<std::string, std::string>> parameters_;
  const std::string setup_;
  const uint32_t number_ = next_number();
  std::unique_ptr<PGconn, PostgresRelease> connection_;
  std::unordered_map<std::string, std::shared_ptr<const PostgresSql>> translated_;  // by SQL
  std::unordered_map<std::string, std::string> prepared_;  // names, by SQL and types
  bool in_transaction_ = false;
  bool refused_ = false;
  int64_t changes_ = 0;
};

}  // namespace skiff::db_detail
