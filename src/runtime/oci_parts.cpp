#include "runtime/oci_parts.h"

#include "base/strings.h"

namespace skiff::runtime {

bool gives(const json::Value& object, std::string_view key) {
  const json::Value* value = object.find(key);
  return value != nullptr && !value->is_null();
}

Result<uint32_t> uint32_of(const json::Value& object, std::string_view key) {
  int64_t value = object.integer(key);
  if (value < 0 || value > kMaxUint32) return invalid(cat(key, " is out of range"));
  return static_cast<uint32_t>(value);
}

Result<int> int_of(const json::Value& object, std::string_view key, int least, int most) {
  const json::Value* value = object.find(key);
  if (value == nullptr || value->is_null()) return 0;
  if (!value->is_int() || value->as_int() < least || value->as_int() > most) {
    return invalid(cat(key, " ", value->dump(), " is not from ", least, " to ", most));
  }
  return static_cast<int>(value->as_int());
}

}  // namespace skiff::runtime
