// The HTTP/1.1 vocabulary that server and client share (RFC 9110, 9112).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/io.h"

namespace skiff::net {

// Header fields in order; names compare without case.
class Headers {
 public:
  void set(std::string_view name, std::string value);  // replaces
  void add(std::string_view name, std::string value);
  void erase(std::string_view name);
  // The first value, or "".
  std::string get(std::string_view name) const;
  std::optional<std::string> find(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// Decoded query parameters, in order, repeated ones kept.
class Query {
 public:
  static Query parse(std::string_view text);
  std::string get(std::string_view name) const;  // first, or ""
  std::vector<std::string> all(std::string_view name) const;
  bool has(std::string_view name) const;
  // Docker's rule: "", 0, no, false and none are false, all else is true.
  bool boolean(std::string_view name, bool if_absent = false) const;
  // Appends; for building a query.
  Query& add(std::string_view name, std::string_view value);
  std::string str() const;  // encoded, without '?'

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

std::string url_decode(std::string_view text);  // %XX only; malformed escapes stay
std::string url_encode(std::string_view text);  // all but unreserved

std::string_view reason_phrase(int status);

}  // namespace skiff::net
