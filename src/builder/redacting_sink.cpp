#include "builder/redacting_sink.h"

#include <algorithm>
#include <functional>

#include "base/strings.h"

namespace skiff::builder {

namespace {

constexpr size_t kShortest = 4;
// Shorter lines of a secret of several are words like others: "}", "end".
constexpr size_t kShortestLine = 8;
constexpr std::string_view kBlot = "[secret]";

}  // namespace

RedactingSink::RedactingSink(Sink& to, const std::vector<std::string>& secrets) : to_(to) {
  for (std::string secret : secrets) {
    while (secret.ends_with('\n') || secret.ends_with('\r')) secret.pop_back();
    if (secret.find('\n') != std::string::npos) add_lines(secret);
    if (secret.size() >= kShortest) secrets_.push_back(std::move(secret));
  }
  std::ranges::sort(secrets_, std::greater(), &std::string::size);
}

void RedactingSink::add_lines(std::string_view secret) {
  for (const std::string& line : split(secret, '\n')) {
    const std::string_view text = trim(line);
    if (text.size() >= kShortestLine) secrets_.emplace_back(text);
  }
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

std::string RedactingSink::take_redacted(size_t open) {
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
    // One that may go on to be a longer one waits.
    if (first == std::string::npos || first + open >= held_.size()) break;
    out += held_.substr(0, first);
    out += kBlot;
    held_.erase(0, first + length);
    open = std::min(open, held_.size());
  }
  out += held_.substr(0, held_.size() - open);
  held_.erase(0, held_.size() - open);
  return out;
}

Result<> RedactingSink::write(std::string_view bytes) {
  if (secrets_.empty()) return to_.write(bytes);
  held_ += bytes;
  const std::string out = take_redacted(open_end());
  return out.empty() ? Result<>() : to_.write(out);
}

Result<> RedactingSink::finish() {
  const std::string rest = take_redacted(0);
  return rest.empty() ? Result<>() : to_.write(rest);
}

}  // namespace skiff::builder
