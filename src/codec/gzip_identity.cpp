#include "codec/gzip_identity.h"

#include <array>

#include "base/strings.h"
#include "codec/gzip_member.h"
#include "codec/hash.h"

namespace skiff {

namespace {

// The same numbers everywhere.
class Numbers {
 public:
  uint32_t next() {
    constexpr uint32_t kFactor = 1664525;
    constexpr uint32_t kStep = 1013904223;
    state_ = state_ * kFactor + kStep;
    return state_;
  }

 private:
  uint32_t state_ = 1;
};

// Words that come again and numbers that hardly do.
std::string some_text(Numbers& numbers, size_t size) {
  constexpr std::array kWords = {"usr",    "lib",  "share", "doc",   "python", "include",
                                 "return", "the ", "0000",  "const", "{}\n",   "\t"};
  std::string out;
  while (out.size() < size) {
    const uint32_t number = numbers.next();
    out += kWords[(number >> 16U) % kWords.size()];
    if (number % 8 == 0) out += cat(number >> 8U);
  }
  return out;
}

std::string some_noise(Numbers& numbers, size_t size) {
  std::string out(size, '\0');
  for (char& byte : out) byte = static_cast<char>(numbers.next() >> 24U);
  return out;
}

}  // namespace

std::string gzip_sample() {
  constexpr size_t kPart = kGzipMemberInput / 8;
  Numbers numbers;
  std::string out;
  // A member of each kind of block and of what goes from one to the next, then one that is stored.
  while (out.size() < kGzipMemberInput) {
    out += some_text(numbers, kPart);
    out += some_noise(numbers, kPart / 2);
    out += std::string(kPart / 2, 'a');
  }
  return out + some_noise(numbers, kGzipMemberInput);
}

namespace {

std::string identity_of_sample() {
  constexpr size_t kDigits = 16;
  const std::string sample = gzip_sample();
  Hasher hasher;
  for (size_t at = 0; at < sample.size(); at += kGzipMemberInput) {
    hasher.update(compress_gzip_member(std::string_view(sample).substr(at, kGzipMemberInput)));
  }
  return hasher.hex().substr(0, kDigits);
}

}  // namespace

const std::string& gzip_identity() {
  static const std::string identity = cat(gzip_library(), ", level ", kGzipLevel, ", ",
                                          kGzipMemberInput, ", ", identity_of_sample());
  return identity;
}

}  // namespace skiff
