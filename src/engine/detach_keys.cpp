#include "engine/detach_keys.h"

#include <optional>

#include "base/strings.h"

namespace skiff::engine {

namespace {

constexpr std::string_view kDefaultKeys = "ctrl-p,ctrl-q";
constexpr std::string_view kControl = "ctrl-";

// "a" or "ctrl-a"; the control characters are those of ASCII's column from '@' to '_'.
std::optional<char> key_byte(const std::string& key) {
  if (key.size() == 1) return key[0];
  if (!key.starts_with(kControl) || key.size() != kControl.size() + 1) return std::nullopt;
  char letter = to_upper(key.substr(kControl.size()))[0];
  if (letter < '@' || letter > '_') return std::nullopt;
  return static_cast<char>(letter - '@');
}

}  // namespace

Result<std::string> parse_detach_keys(std::string_view text) {
  std::string bytes;
  for (const std::string& key : split(text.empty() ? kDefaultKeys : text, ',')) {
    auto byte = key_byte(key);
    if (!byte) {
      return Error(Code::kInvalidArgument, cat("Invalid detach keys (", text, ") provided"));
    }
    bytes.push_back(*byte);
  }
  return bytes;
}

std::string DetachFilter::pass(std::string_view typed) {
  std::string out;
  for (char byte : typed) {
    if (detached_) break;
    held_.push_back(byte);
    // The longest tail of what is held that begins the sequence stays held.
    size_t drop = 0;
    while (!sequence_.starts_with(std::string_view(held_).substr(drop))) ++drop;
    out.append(held_, 0, drop);
    held_.erase(0, drop);
    detached_ = !sequence_.empty() && held_ == sequence_;
  }
  return out;
}

}  // namespace skiff::engine
