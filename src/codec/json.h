// json::Value: JSON as a value, over Boost.JSON's parser (kept inside json.cpp).
//
//   json::Value v = TRY(json::parse(text));
//   std::string name = v.string("Name");              // "" when absent or null
//   const json::Value* list = v.find("Layers");       // nullptr when absent
//   json::Value out = json::object({{"Id", id}, {"Warnings", json::array()}});
//   send(out.dump());
//
// Objects keep the order of insertion; of duplicate keys the last wins; depth is
// limited to 100; invalid UTF-8 is refused. Numbers are int64 where they are whole
// and fit, otherwise double. A value type: no sharing, thread-compatible.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace skiff::json {

class Value;
using Member = std::pair<std::string, Value>;
using Array = std::vector<Value>;

class Object {
 public:
  Object() = default;
  Object(std::initializer_list<Member> members);
  // Of equal keys the last value wins, at the place of the first.
  static Object from_members(std::vector<Member> members);

  const Value* find(std::string_view key) const;
  Value* find(std::string_view key);
  // Sets or replaces.
  void set(std::string_view key, Value value);
  void erase(std::string_view key);
  bool empty() const;
  size_t size() const;
  std::vector<Member>::const_iterator begin() const;
  std::vector<Member>::const_iterator end() const;

 private:
  std::vector<Member> members_;
};

// How `dump` writes '<', '>' and '&': as they are, or as \u003c... like Go's encoder.
enum class Html { kPlain, kEscaped };

class Value {
 public:
  Value() = default;  // null
  Value(std::nullptr_t) {}
  Value(bool b) : data_(b) {}
  Value(int n) : data_(int64_t{n}) {}
  Value(unsigned n) : data_(int64_t{n}) {}
  Value(int64_t n) : data_(n) {}
  Value(uint64_t n) : data_(static_cast<int64_t>(n)) {}
  Value(double d) : data_(d) {}
  Value(const char* s) : data_(std::string(s)) {}
  Value(std::string_view s) : data_(std::string(s)) {}
  Value(std::string s) : data_(std::move(s)) {}
  Value(Array a) : data_(std::move(a)) {}
  Value(Object o) : data_(std::move(o)) {}
  Value(const std::vector<std::string>& strings);
  Value(const std::map<std::string, std::string>& members);

  bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_int() const { return std::holds_alternative<int64_t>(data_); }
  bool is_number() const { return is_int() || std::holds_alternative<double>(data_); }
  bool is_string() const { return std::holds_alternative<std::string>(data_); }
  bool is_array() const { return std::holds_alternative<Array>(data_); }
  bool is_object() const { return std::holds_alternative<Object>(data_); }

  // The value where it has the type, else the empty one of that type.
  bool as_bool() const;
  int64_t as_int() const;
  double as_double() const;
  const std::string& as_string() const;
  const Array& as_array() const;
  const Object& as_object() const;
  // For changing in place; a value of another type becomes an empty one first.
  Array& make_array();
  Object& make_object();

  // Members of an object; all forgiving: absent, null and mistyped read as empty.
  const Value* find(std::string_view key) const;  // nullptr when absent or no object
  bool has(std::string_view key) const { return find(key) != nullptr; }
  bool boolean(std::string_view key) const;
  int64_t integer(std::string_view key) const;
  double number(std::string_view key) const;
  std::string string(std::string_view key) const;
  const Array& array(std::string_view key) const;
  const Object& object(std::string_view key) const;
  std::vector<std::string> strings(std::string_view key) const;
  std::map<std::string, std::string> string_map(std::string_view key) const;
  void set(std::string_view key, Value value) { make_object().set(key, std::move(value)); }

  // Members of an object; strict: kInvalidArgument naming the key and the wanted type.
  Result<std::string> require_string(std::string_view key) const;
  Result<int64_t> require_int(std::string_view key) const;
  Result<const Value*> require_array(std::string_view key) const;
  Result<const Value*> require_object(std::string_view key) const;

  std::string dump(Html html = Html::kPlain) const;
  // Indented by four spaces, as `docker inspect` prints.
  std::string pretty(int indent = 4) const;

  // Numbers compare by value; the order of an object's members does not count.
  bool operator==(const Value& other) const;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, Array, Object> data_;
};

// Here, since they need the whole of Value.
inline bool Object::empty() const { return members_.empty(); }
inline size_t Object::size() const { return members_.size(); }
inline std::vector<Member>::const_iterator Object::begin() const { return members_.begin(); }
inline std::vector<Member>::const_iterator Object::end() const { return members_.end(); }

// Refuses trailing data. The error names the byte offset.
Result<Value> parse(std::string_view text);

inline Value object(std::initializer_list<Member> members = {}) { return Object(members); }
inline Value array(Array items = {}) { return items; }

}  // namespace skiff::json
