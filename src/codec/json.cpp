#include "codec/json.h"

#include <algorithm>
#include <unordered_map>

#include "base/strings.h"

namespace skiff::json {

namespace {

// Below this many members a linear search for equal keys is faster than a table.
constexpr size_t kSmallObject = 16;

template <typename T>
const T& get_or_empty(const auto& data) {
  static const T empty{};
  const T* value = std::get_if<T>(&data);
  return value != nullptr ? *value : empty;
}

Error wrong_type(std::string_view key, std::string_view wanted, const Value* found) {
  return {Code::kInvalidArgument,
          cat(key, found == nullptr ? ": missing, must be " : ": must be ", wanted)};
}

}  // namespace

Object::Object(std::initializer_list<Member> members)
    : Object(from_members(std::vector<Member>(members))) {}

Object Object::from_members(std::vector<Member> members) {
  Object object;
  if (members.size() <= kSmallObject) {
    object.members_.reserve(members.size());
    for (auto& [key, value] : members) object.set(key, std::move(value));
    return object;
  }
  std::unordered_map<std::string_view, size_t> places;
  std::vector<bool> replaced(members.size(), false);
  for (size_t i = 0; i < members.size(); ++i) {
    auto [place, added] = places.try_emplace(members[i].first, i);
    if (added) continue;
    members[place->second].second = std::move(members[i].second);
    replaced[i] = true;
  }
  for (size_t i = 0; i < members.size(); ++i) {
    if (!replaced[i]) object.members_.push_back(std::move(members[i]));
  }
  return object;
}

const Value* Object::find(std::string_view key) const {
  auto at = std::ranges::find(members_, key, &Member::first);
  return at == members_.end() ? nullptr : &at->second;
}

Value* Object::find(std::string_view key) {
  auto at = std::ranges::find(members_, key, &Member::first);
  return at == members_.end() ? nullptr : &at->second;
}

void Object::set(std::string_view key, Value value) {
  if (Value* present = find(key)) {
    *present = std::move(value);
  } else {
    members_.emplace_back(key, std::move(value));
  }
}

void Object::erase(std::string_view key) {
  std::erase_if(members_, [&](const Member& member) { return member.first == key; });
}

Value::Value(const std::vector<std::string>& strings)
    : data_(Array(strings.begin(), strings.end())) {}

Value::Value(const std::map<std::string, std::string>& members)
    : data_(Object::from_members({members.begin(), members.end()})) {}

bool Value::as_bool() const { return get_or_empty<bool>(data_); }

int64_t Value::as_int() const { return get_or_empty<int64_t>(data_); }

double Value::as_double() const {
  return is_int() ? static_cast<double>(as_int()) : get_or_empty<double>(data_);
}

const std::string& Value::as_string() const { return get_or_empty<std::string>(data_); }

const Array& Value::as_array() const { return get_or_empty<Array>(data_); }

const Object& Value::as_object() const { return get_or_empty<Object>(data_); }

Array& Value::make_array() {
  if (!is_array()) data_ = Array();
  return std::get<Array>(data_);
}

Object& Value::make_object() {
  if (!is_object()) data_ = Object();
  return std::get<Object>(data_);
}

const Value* Value::find(std::string_view key) const { return as_object().find(key); }

namespace {
const Value& member(const Value& object, std::string_view key) {
  static const Value null;
  const Value* found = object.find(key);
  return found != nullptr ? *found : null;
}
}  // namespace

bool Value::boolean(std::string_view key) const { return member(*this, key).as_bool(); }

int64_t Value::integer(std::string_view key) const { return member(*this, key).as_int(); }

double Value::number(std::string_view key) const { return member(*this, key).as_double(); }

std::string Value::string(std::string_view key) const { return member(*this, key).as_string(); }

const Array& Value::array(std::string_view key) const { return member(*this, key).as_array(); }

const Object& Value::object(std::string_view key) const { return member(*this, key).as_object(); }

std::vector<std::string> Value::strings(std::string_view key) const {
  std::vector<std::string> out;
  for (const Value& item : array(key)) out.push_back(item.as_string());
  return out;
}

std::map<std::string, std::string> Value::string_map(std::string_view key) const {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : object(key)) out.emplace(name, value.as_string());
  return out;
}

Result<std::string> Value::require_string(std::string_view key) const {
  const Value* v = find(key);
  if (v == nullptr || !v->is_string()) return wrong_type(key, "a string", v);
  return v->as_string();
}

Result<int64_t> Value::require_int(std::string_view key) const {
  const Value* v = find(key);
  if (v == nullptr || !v->is_int()) return wrong_type(key, "a whole number", v);
  return v->as_int();
}

Result<const Value*> Value::require_array(std::string_view key) const {
  const Value* v = find(key);
  if (v == nullptr || !v->is_array()) return wrong_type(key, "an array", v);
  return v;
}

Result<const Value*> Value::require_object(std::string_view key) const {
  const Value* v = find(key);
  if (v == nullptr || !v->is_object()) return wrong_type(key, "an object", v);
  return v;
}

bool Value::operator==(const Value& other) const {
  if (is_number() && other.is_number()) {
    if (is_int() && other.is_int()) return as_int() == other.as_int();
    return as_double() == other.as_double();
  }
  if (is_object() && other.is_object()) {
    return as_object().size() == other.as_object().size() &&
           std::ranges::all_of(as_object(), [&](const Member& m) {
             const Value* twin = other.find(m.first);
             return twin != nullptr && *twin == m.second;
           });
  }
  return data_.index() == other.data_.index() && as_bool() == other.as_bool() &&
         as_string() == other.as_string() && as_array() == other.as_array();
}

}  // namespace skiff::json
