#include "cli/detach_keys.h"

#include "base/strings.h"

namespace skiff::cli {

Result<DetachKeys> DetachKeys::parse(std::string_view text) {
  DetachKeys out;
  if (text.empty()) return out;
  out.sequence_.clear();
  for (const auto& key : split(text, ',')) {
    constexpr std::string_view kControl = "ctrl-";
    constexpr char kControlMask = 0x1F;
    char letter = key.empty() ? '\0' : key.back();
    bool control = key.size() == kControl.size() + 1 && key.starts_with(kControl);
    bool known =
        letter == '@' || (letter >= '[' && letter <= '_') || (letter >= 'a' && letter <= 'z');
    if (key.size() == 1) {
      out.sequence_.push_back(letter);
    } else if (control && known) {
      out.sequence_.push_back(static_cast<char>(letter & kControlMask));
    } else {
      return Error(Code::kInvalidArgument,
                   cat("invalid detach keys: Unknown character: '", key, "'"));
    }
  }
  return out;
}

std::string DetachKeys::feed(std::string_view bytes) {
  std::string out;
  for (char byte : bytes) {
    if (complete_) break;
    if (byte == sequence_[held_.size()]) {
      held_.push_back(byte);
      complete_ = held_.size() == sequence_.size();
      continue;
    }
    out += held_;
    held_.clear();
    if (byte == sequence_[0]) {
      held_.push_back(byte);
    } else {
      out.push_back(byte);
    }
  }
  return out;
}

}  // namespace skiff::cli
