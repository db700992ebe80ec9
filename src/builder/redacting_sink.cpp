#include "builder/redacting_sink.h"

#include <algorithm>

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
  make_index();
}

void RedactingSink::add_lines(std::string_view secret) {
  for (const std::string& line : split(secret, '\n')) {
    const std::string_view text = trim(line);
    if (text.size() >= kShortestLine) secrets_.emplace_back(text);
  }
}

void RedactingSink::make_index() {
  std::ranges::sort(secrets_);
  const auto again = std::ranges::unique(secrets_);
  secrets_.erase(again.begin(), again.end());
  for (size_t i = 0; i < secrets_.size(); ++i) {
    size_t shorter = i == 0 ? kNone : i - 1;
    while (shorter != kNone && !secrets_[i].starts_with(secrets_[shorter])) {
      shorter = shorter_[shorter];
    }
    shorter_.push_back(shorter);
    first_bytes_.set(static_cast<unsigned char>(secrets_[i].front()));
  }
}

RedactingSink::Beginning RedactingSink::look_at(std::string_view text) const {
  if (!first_bytes_.test(static_cast<unsigned char>(text.front()))) return {};
  const auto after = std::ranges::upper_bound(
      secrets_, text, {}, [](const std::string& secret) { return std::string_view(secret); });
  Beginning out;
  out.is_open = after != secrets_.end() && after->starts_with(text);
  size_t whole =
      after == secrets_.begin() ? kNone : static_cast<size_t>(after - secrets_.begin()) - 1;
  while (whole != kNone && !text.starts_with(secrets_[whole])) whole = shorter_[whole];
  if (whole != kNone) out.secret = secrets_[whole].size();
  return out;
}

std::string RedactingSink::take_redacted(bool more_follows) {
  std::string out;
  std::string_view left = held_;
  while (!left.empty()) {
    const Beginning beginning = look_at(left);
    if (beginning.is_open && more_follows) break;
    if (beginning.secret > 0) {
      out += kBlot;
      left.remove_prefix(beginning.secret);
    } else {
      out += left.front();
      left.remove_prefix(1);
    }
  }
  held_.erase(0, held_.size() - left.size());
  return out;
}

Result<> RedactingSink::write(std::string_view bytes) {
  if (secrets_.empty()) return to_.write(bytes);
  held_ += bytes;
  const std::string out = take_redacted(true);
  return out.empty() ? Result<>() : to_.write(out);
}

Result<> RedactingSink::finish() {
  const std::string rest = take_redacted(false);
  return rest.empty() ? Result<>() : to_.write(rest);
}

}  // namespace skiff::builder
