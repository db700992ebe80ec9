// What a request holds itself by an id, or its caller when asked.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/result.h"

namespace skiff::builder {

// nullopt where neither has it. `find` may be empty.
template <typename T, typename Find>
Result<std::optional<T>> look_up(const std::map<std::string, T>& given, const Find& find,
                                 const std::string& id) {
  const auto found = given.find(id);
  if (found != given.end()) return std::optional<T>(found->second);
  if (find) return find(id);
  return std::optional<T>();
}

}  // namespace skiff::builder
