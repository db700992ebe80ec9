// The keys of a JSON document as they stand there, for who must know what other readers make of
// it: json::parse takes the last of equal keys, others the first, and some take "Layers" for
// "layers".
#pragma once

#include <functional>
#include <string_view>

#include "base/result.h"

namespace skiff::json {

struct Key {
  std::string_view name;
  std::string_view parent;  // the key that its object stands under, also in a list; "" for none
  bool repeated = false;    // the object has had it before
};

// In their order, until `visit` says false. The errors of parse().
Result<> each_key(std::string_view text, const std::function<bool(const Key&)>& visit);

}  // namespace skiff::json
