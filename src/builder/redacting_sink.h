// RedactingSink: passes text on with secrets blotted out, also those that come in pieces.
#pragma once

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
  // Of what is held all but the last `open` bytes, without the secrets that are whole.
  std::string take_redacted(size_t open);
  // How much of `held_`'s end may be the beginning of a secret.
  size_t open_end() const;

  Sink& to_;
  std::vector<std::string> secrets_;  // the longest first
  std::string held_;
};

}  // namespace skiff::builder
