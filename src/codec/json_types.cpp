#include "codec/json_types.h"

#include "base/strings.h"

namespace skiff::json {

namespace {

bool all(const Value& list, bool (Value::*is)() const) {
  if (!list.is_array()) return false;
  for (const Value& each : list.as_array()) {
    if (!(each.*is)()) return false;
  }
  return true;
}

bool has_type(const Value& value, Type type) {
  switch (type) {
    case Type::kBool:
      return value.is_bool();
    case Type::kInt:
      return value.is_int();
    case Type::kNumber:
      return value.is_number();
    case Type::kString:
      return value.is_string();
    case Type::kStrings:
      return all(value, &Value::is_string);
    case Type::kInts:
      return all(value, &Value::is_int);
    case Type::kObject:
      return value.is_object();
    case Type::kObjects:
      return all(value, &Value::is_object);
  }
  return false;
}

std::string_view name_of(Type type) {
  switch (type) {
    case Type::kBool:
      return "true or false";
    case Type::kInt:
      return "a whole number of 64 bits";
    case Type::kNumber:
      return "a number";
    case Type::kString:
      return "a string";
    case Type::kStrings:
      return "an array of strings";
    case Type::kInts:
      return "an array of whole numbers";
    case Type::kObject:
      return "an object";
    case Type::kObjects:
      return "an array of objects";
  }
  return "";
}

// `rest` of a path leads on from `value`, which is at `place`.
Result<> check(const Value& value, std::string_view rest, Type type, const std::string& place) {
  if (value.is_null()) return {};
  if (rest.empty()) {
    if (has_type(value, type)) return {};
    return Error(Code::kInvalidArgument, cat(place, " is not ", name_of(type)));
  }
  if (rest.starts_with("[]")) {
    size_t number = 0;
    for (const Value& each : value.as_array()) {
      TRY(check(each, rest.substr(2), type, cat(place, "[", number++, "]")));
    }
    return {};
  }
  if (rest.starts_with('.')) rest.remove_prefix(1);
  const std::string_view name = rest.substr(0, rest.find_first_of(".["));
  rest.remove_prefix(name.size());
  const std::string_view dot = place.empty() ? "" : ".";
  if (name == "*") {
    for (const auto& [key, member] : value.as_object()) {
      TRY(check(member, rest, type, cat(place, dot, key)));
    }
    return {};
  }
  const Value* member = value.find(name);
  return member == nullptr ? Result<>{} : check(*member, rest, type, cat(place, dot, name));
}

}  // namespace

Result<> check_type(const Value& document, const Field& field, const std::string& place) {
  return check(document, field.path, field.type, place);
}

Result<> check_types(const Value& document, std::span<const Field> fields,
                     const std::string& place) {
  for (const Field& field : fields) TRY(check_type(document, field, place));
  return {};
}

}  // namespace skiff::json
