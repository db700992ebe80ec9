#include "runtime/log_times.h"

#include <array>
#include <charconv>

namespace skiff::runtime {

namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr seconds kMostAhead{1};
constexpr size_t kDigits = 9;

void append_fraction(std::string& out, nanoseconds fraction) {
  if (fraction.count() == 0) return;
  std::array<char, kDigits + 1> digits{};
  // The one before the nine keeps their zeros.
  const int64_t padded = 1'000'000'000 + fraction.count();
  std::to_chars(digits.data(), digits.data() + digits.size(), padded);
  size_t size = digits.size();
  while (digits[size - 1] == '0') --size;
  out.append(".").append(digits.data() + 1, size - 1);
}

}  // namespace

void LogTimes::begin(TimePoint now) {
  const bool is_set_back = now + kMostAhead < next_;
  if (now > next_ || is_set_back) next_ = now;
}

TimePoint LogTimes::next() {
  const TimePoint time = next_;
  next_ += nanoseconds(1);
  return time;
}

std::string_view LogTimes::next_text() {
  const TimePoint time = next();
  const auto second = std::chrono::floor<seconds>(time);
  if (second != second_ || prefix_.empty()) {
    second_ = second;
    prefix_ = format_rfc3339(second);
    prefix_.pop_back();  // Z
  }
  text_ = prefix_;
  append_fraction(text_, time - second);
  return text_.append("Z");
}

}  // namespace skiff::runtime
