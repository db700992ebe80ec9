// Parts of keys: their text in the cache, and what differs between those of two steps.
//
//   PartsIndex now(parts);
//   now.differences_from(earlier)   // {"src/a.c changed", "network: \"bridge\" is now \"none\""}
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "solver/solver.h"

namespace skiff::solver {

// Compares the same parts, which outlive it, with many others.
class PartsIndex {
 public:
  explicit PartsIndex(const KeyParts& parts);
  // One line each: what the step itself differs in, in the parts' order, then what is gone, and
  // last inputs of the same name, whose own steps say why they are others.
  std::vector<std::string> differences_from(const KeyParts& before) const;

 private:
  const KeyParts& parts_;
  std::unordered_map<std::string, size_t> places_;  // the first of equal ones
};

// As JSON (docs/formats/build-cache.md).
std::string encode_parts(const KeyParts& parts);
Result<KeyParts> decode_parts(const std::string& text);

}  // namespace skiff::solver
