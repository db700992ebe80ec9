// Variables and quotes in the words of a Dockerfile (reference, "Environment replacement"):
//
//   $x ${x} ${x:-w} ${x-w} ${x:+w} ${x+w} ${x:?m} ${x?m} ${x#p} ${x##p} ${x%p} ${x%%p}
//   ${x/p/r} ${x//p/r}
//
// An unset variable is the empty string. Patterns know '*' and '?' ('\' takes the next
// character as it is); neither matches a newline.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace skiff::dockerfile {

class Expander {
 public:
  using Lookup = std::function<std::optional<std::string>(const std::string& name)>;
  // Told of each variable that is used without a value, and without a word in its place.
  using TellUnset = std::function<void(const std::string& name)>;
  // `escape` is the Dockerfile's escape character.
  Expander(char escape, Lookup lookup, TellUnset tell_unset = {})
      : escape_(escape), lookup_(std::move(lookup)), tell_unset_(std::move(tell_unset)) {}

  // One word: quotes and escapes removed, variables replaced.
  Result<std::string> word(std::string_view text) const;
  // The same, then split at the blanks that stand outside quotes.
  Result<std::vector<std::string>> words(std::string_view text) const;
  // A heredoc's body: variables replaced, quotes kept; '\' before '$' keeps it.
  Result<std::string> body(std::string_view text) const;
  // A command as it is shown: variables replaced as far as they are set, quotes kept.
  Result<std::string> shown(std::string_view text) const;

 private:
  char escape_;
  Lookup lookup_;
  TellUnset tell_unset_;
};

// Byte offsets at which a match of `pattern` that starts at `from` can end, ascending.
std::vector<size_t> pattern_match_ends(std::string_view pattern, std::string_view text,
                                       size_t from);

}  // namespace skiff::dockerfile
