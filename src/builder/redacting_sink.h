// RedactingSink: passes text on with secrets blotted out, also those that come in pieces.
#pragma once

#include <bitset>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/io.h"

namespace skiff::builder {

class RedactingSink : public Sink {
 public:
  // A newline at a secret's end does not belong to it. Those of fewer than four bytes stay:
  // to blot them out would tell more than it hides. Of one of several lines each line of eight
  // bytes or more is a secret, too.
  RedactingSink(Sink& to, const std::vector<std::string>& secrets);

  Result<> write(std::string_view bytes) override;
  // What was kept because a secret could begin with it.
  Result<> finish();

 private:
  void add_lines(std::string_view secret);
  void make_index();
  // What `text`, the rest of what is held, begins with.
  struct Beginning {
    size_t secret = 0;     // bytes of the longest that is whole
    bool is_open = false;  // more of it would be a longer one
  };
  Beginning look_at(std::string_view text) const;
  // Of what is held all that no secret can begin in, or, when nothing follows, all of it.
  std::string take_redacted(bool more_follows);

  Sink& to_;
  // Sorted, each once, so that one search finds all that a text can begin with: there are as many
  // as the secrets have lines.
  std::vector<std::string> secrets_;
  static constexpr size_t kNone = std::numeric_limits<size_t>::max();
  std::vector<size_t> shorter_;   // for each the longest other one that it begins with
  std::bitset<256> first_bytes_;  // of any
  std::string held_;
};

}  // namespace skiff::builder
