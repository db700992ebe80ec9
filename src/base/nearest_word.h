// nearest_word: for "did you mean ...?" where people misspelled a name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace skiff {

// The candidate that `word` is most likely a misspelling of; "" when none is near.
std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace skiff
