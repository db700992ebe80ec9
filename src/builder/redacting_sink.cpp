#include "builder/redacting_sink.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace skiff::builder {

namespace {

constexpr size_t kShortest = 4;
constexpr std::string_view kBlot = "[secret]";

}  // namespace

RedactingSink::RedactingSink(Sink& to, const std::vector<std::string>& secrets) : to_(to) {
  for (std::string secret : secrets) {
    while (secret.ends_with('\n') || secret.ends_with('\r')) secret.pop_back();
    if (secret.size() >= kShortest) secrets_.push_back(std::move(secret));
  }
  std::ranges::sort(secrets_, std::greater(), &std::string::size);
}

size_t RedactingSink::open_end() const {
  size_t most = 0;
  for (const std::string& secret : secrets_) {
    for (size_t n = std::min(secret.size() - 1, held_.size()); n > most; --n) {
      if (std::string_view(held_).substr(held_.size() - n) ==
          std::string_view(secret).substr(0, n)) {
        most = n;
      }
    }
  }
  return most;
}

Result<> RedactingSink::write(std::string_view bytes) {
  if (secrets_.empty()) return to_.write(bytes);
  held_ += bytes;
  std::string out;
  for (;;) {
    size_t first = std::string::npos;
    size_t length = 0;
    for (const std::string& secret : secrets_) {
      const size_t at = held_.find(secret);
      if (at < first) {
        first = at;
        length = secret.size();
      }
    }
    if (first == std::string::npos) break;
    out += held_.substr(0, first);
    out += kBlot;
    held_.erase(0, first + length);
  }
  const size_t keep = open_end();
  out += held_.substr(0, held_.size() - keep);
  held_.erase(0, held_.size() - keep);
  return out.empty() ? Result<>() : to_.write(out);
}

Result<> RedactingSink::finish() {
  if (held_.empty()) return {};
  return to_.write(std::exchange(held_, {}));
}

}  // namespace skiff::builder
