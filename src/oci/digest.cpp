#include "oci/digest.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::oci {

namespace {

struct AlgorithmRow {
  std::string_view name;
  HashAlgorithm algorithm;
  size_t digits;
};
constexpr AlgorithmRow kAlgorithms[] = {
    {"sha256", HashAlgorithm::kSha256, 64},
    {"sha512", HashAlgorithm::kSha512, 128},
};

bool is_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
  auto bad = [&](std::string_view why) {
    return Error(Code::kInvalidArgument, cat("invalid digest ", quoted(text), ": ", why));
  };
  auto parts = split_once(text, ':');
  if (!parts) return bad("must be algorithm:hex");
  auto [name, hex] = *parts;
  const auto* row = std::ranges::find(kAlgorithms, name, &AlgorithmRow::name);
  if (row == std::end(kAlgorithms)) return bad("unsupported algorithm");
  if (hex.size() != row->digits) return bad(cat("must have ", row->digits, " digits"));
  if (!is_hex(hex)) return bad("must be lower-case hexadecimal");
  return Digest(row->algorithm, std::string(hex));
}

Digest Digest::of(std::string_view bytes, HashAlgorithm algorithm) {
  return {algorithm, algorithm == HashAlgorithm::kSha256 ? sha256_hex(bytes) : sha512_hex(bytes)};
}

Digest Digest::from_hex(HashAlgorithm algorithm, std::string hex) {
  return {algorithm, std::move(hex)};
}

std::string_view Digest::algorithm_name() const {
  return std::ranges::find(kAlgorithms, algorithm_, &AlgorithmRow::algorithm)->name;
}

std::string Digest::str() const { return cat(algorithm_name(), ":", hex_); }

}  // namespace skiff::oci
