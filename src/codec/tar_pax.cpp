#include "codec/tar_pax.h"

#include <chrono>

#include "base/strings.h"
#include "codec/tar_format.h"

namespace skiff::tar {

namespace {

constexpr std::string_view kXattrPrefix = "SCHILY.xattr.";
constexpr size_t kNanoDigits = 9;
constexpr int64_t kNanosPerSecond = 1'000'000'000;

Error bad_record(std::string_view why) {
  return {Code::kInvalidArgument, cat("PAX record: ", why)};
}

struct Record {
  std::string_view key;
  std::string_view value;
};

// Takes one record off the front of `text`.
Result<Record> take_record(std::string_view& text) {
  auto parts = split_once(text.substr(0, 24), ' ');
  auto length = parts ? parse_uint(parts->first) : std::nullopt;
  if (!length) return bad_record("no length");
  const size_t digits = parts->first.size();
  if (*length > text.size() || *length < digits + 2) return bad_record("wrong length");
  std::string_view record = text.substr(0, *length);
  text.remove_prefix(*length);
  if (!record.ends_with('\n')) return bad_record("does not end its line");
  record.remove_suffix(1);
  auto pair = split_once(record.substr(digits + 1), '=');
  if (!pair || pair->first.empty()) return bad_record("no key");
  return Record{pair->first, pair->second};
}

}  // namespace

const std::string* PaxRecords::find(const std::string& key) const {
  auto at = values.find(key);
  return at == values.end() || at->second.empty() ? nullptr : &at->second;
}

Result<> PaxRecords::parse(std::string_view text) {
  while (!text.empty()) {
    auto [key, value] = TRY(take_record(text));
    if (key == "GNU.sparse.offset" || key == "GNU.sparse.numbytes") {
      auto n = parse_uint(value);
      if (!n) return bad_record(cat(key, " is not a number"));
      if (key == "GNU.sparse.offset") {
        pieces.push_back({*n, 0});
      } else if (pieces.empty()) {
        return bad_record("GNU.sparse.numbytes without an offset");
      } else {
        pieces.back().size = *n;
      }
      continue;
    }
    TRY(set(key, value));
    if (pieces.size() > kMaxMetadata / sizeof(Piece))
      return bad_record("the sparse map is too large");
  }
  return {};
}

Result<> PaxRecords::set(std::string_view key, std::string_view value) {
  const auto [held, is_new] = values.try_emplace(std::string(key));
  if (is_new) bytes_ += key.size();
  bytes_ += value.size();
  bytes_ -= held->second.size();
  held->second = value;
  // Those of a global header and of one of an entry's own.
  if (bytes_ > 2 * kMaxMetadata) return bad_record("those before are too many");
  return {};
}

std::string pax_record(std::string_view key, std::string_view value) {
  // The length counts its own digits.
  const size_t rest = key.size() + value.size() + 3;
  size_t length = rest + 1;
  while (rest + std::to_string(length).size() != length) ++length;
  return cat(length, " ", key, "=", value, "\n");
}

std::string xattr_key(std::string_view name) {
  return cat(kXattrPrefix, replace_all(replace_all(name, "%", "%25"), "=", "%3D"));
}

std::optional<std::string> xattr_name(std::string_view key) {
  if (!key.starts_with(kXattrPrefix)) return std::nullopt;
  return replace_all(replace_all(key.substr(kXattrPrefix.size()), "%3D", "="), "%25", "%");
}

Result<TimePoint> parse_pax_time(std::string_view text) {
  const bool negative = text.starts_with('-');
  std::string_view whole = negative ? text.substr(1) : text;
  std::string fraction;
  if (auto parts = split_once(whole, '.')) {
    whole = parts->first;
    fraction = parts->second.substr(0, kNanoDigits);
  }
  const auto seconds = parse_uint(whole);
  const auto nanos = parse_uint(fraction.append(kNanoDigits - fraction.size(), '0'));
  constexpr auto kMost = static_cast<uint64_t>(INT64_MAX / kNanosPerSecond - 1);
  if (!seconds || !nanos || *seconds > kMost) return bad_record(cat("not a time: ", quoted(text)));
  const int64_t total =
      static_cast<int64_t>(*seconds) * kNanosPerSecond + static_cast<int64_t>(*nanos);
  return TimePoint(std::chrono::nanoseconds(negative ? -total : total));
}

std::string format_pax_time(TimePoint t) {
  const int64_t total = unix_nanos(t);
  const uint64_t size = total < 0 ? -static_cast<uint64_t>(total) : static_cast<uint64_t>(total);
  std::string text = cat(total < 0 ? "-" : "", size / kNanosPerSecond);
  const uint64_t nanos = size % kNanosPerSecond;
  if (nanos == 0) return text;
  std::string fraction = std::to_string(nanos);
  fraction.insert(0, kNanoDigits - fraction.size(), '0');
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return cat(text, ".", fraction);
}

}  // namespace skiff::tar
