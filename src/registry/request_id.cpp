#include "registry/request_id.h"

#include <array>
#include <atomic>
#include <charconv>

#include "base/random.h"

namespace skiff::registry {

namespace {

constexpr size_t kLongestId = 64;
constexpr size_t kCountDigits = 8;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

bool is_plain(const std::string& text) {
  if (text.empty() || text.size() > kLongestId) return false;
  for (const char c : text) {
    if (!is_plain(c)) return false;
  }
  return true;
}

// What tells this process from others, and a number within it.
std::string next_id() {
  static const std::string process = random_hex(16);
  static std::atomic<uint32_t> count = 0;
  std::array<char, kCountDigits> digits{};
  const uint32_t n = count.fetch_add(1, std::memory_order_relaxed);
  const auto end = std::to_chars(digits.begin(), digits.end(), n, 16).ptr;
  std::string id = process;
  id.append(kCountDigits - static_cast<size_t>(end - digits.begin()), '0');
  return id.append(digits.begin(), end);
}

}  // namespace

std::string request_id(const net::Request& request) {
  if (auto given = request.headers.find(kRequestIdField); given && is_plain(*given)) {
    return std::move(*given);
  }
  return next_id();
}

}  // namespace skiff::registry
