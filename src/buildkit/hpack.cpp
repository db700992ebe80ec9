#include "buildkit/hpack.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace skiff::buildkit::hpack {

namespace {

struct Entry {
  std::string_view name;
  std::string_view value;
};

// RFC 7541, appendix A.
constexpr Entry kStatic[] = {
    {":authority", ""},
    {":method", "GET"},
    {":method", "POST"},
    {":path", "/"},
    {":path", "/index.html"},
    {":scheme", "http"},
    {":scheme", "https"},
    {":status", "200"},
    {":status", "204"},
    {":status", "206"},
    {":status", "304"},
    {":status", "400"},
    {":status", "404"},
    {":status", "500"},
    {"accept-charset", ""},
    {"accept-encoding", "gzip, deflate"},
    {"accept-language", ""},
    {"accept-ranges", ""},
    {"accept", ""},
    {"access-control-allow-origin", ""},
    {"age", ""},
    {"allow", ""},
    {"authorization", ""},
    {"cache-control", ""},
    {"content-disposition", ""},
    {"content-encoding", ""},
    {"content-language", ""},
    {"content-length", ""},
    {"content-location", ""},
    {"content-range", ""},
    {"content-type", ""},
    {"cookie", ""},
    {"date", ""},
    {"etag", ""},
    {"expect", ""},
    {"expires", ""},
    {"from", ""},
    {"host", ""},
    {"if-match", ""},
    {"if-modified-since", ""},
    {"if-none-match", ""},
    {"if-range", ""},
    {"if-unmodified-since", ""},
    {"last-modified", ""},
    {"link", ""},
    {"location", ""},
    {"max-forwards", ""},
    {"proxy-authenticate", ""},
    {"proxy-authorization", ""},
    {"range", ""},
    {"referer", ""},
    {"refresh", ""},
    {"retry-after", ""},
    {"server", ""},
    {"set-cookie", ""},
    {"strict-transport-security", ""},
    {"transfer-encoding", ""},
    {"user-agent", ""},
    {"vary", ""},
    {"via", ""},
    {"www-authenticate", ""},
};

// RFC 7541, appendix B: the length of each byte's code. Codes of one length follow each other in
// the order of the bytes, and the shorter come first, so that the lengths say it all.
constexpr uint8_t kLengths[256] = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,
    5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8,  15, 6,  12, 10, 13, 6,  7,  7,  7,  7,  7,  7,
    7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8,  13, 19, 13, 14, 6,
    15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,  6,  7,  6,  5,  5,  6,  7,  7,
    7,  7,  7,  15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26};
constexpr unsigned kLongest = 30;

constexpr size_t kTableLimit = 4096;  // what a peer may use that was told nothing else
constexpr size_t kOverhead = 32;      // of an entry of the table, by definition

size_t size_of(const Field& field) { return kOverhead + field.name.size() + field.value.size(); }

Error malformed() { return Error(Code::kInvalidArgument, "a header block cannot be read"); }

class Huffman {
 public:
  Huffman() {
    for (const uint8_t length : kLengths) ++count_[length];
    size_t place = 0;
    for (unsigned length = 1; length <= kLongest; ++length) {
      start_[length] = place;
      for (size_t byte = 0; byte < std::size(kLengths); ++byte) {
        if (kLengths[byte] == length) order_[place++] = static_cast<char>(byte);
      }
    }
  }

  Result<std::string> decode(std::string_view bytes) const {
    std::string out;
    uint32_t code = 0;   // the bits since the last byte that came out
    uint32_t first = 0;  // the first code of `length` bits
    unsigned length = 0;
    bool all_ones = true;
    for (const char byte : bytes) {
      for (int bit = 7; bit >= 0; --bit) {
        const uint32_t one = static_cast<unsigned char>(byte) >> static_cast<unsigned>(bit) & 1U;
        all_ones = all_ones && one == 1;
        code = code << 1U | one;
        first = (first + count_[length]) << 1U;
        if (++length > kLongest) return malformed();
        if (code - first >= count_[length]) continue;
        out += order_[start_[length] + code - first];
        code = first = length = 0;
        all_ones = true;
      }
    }
    // The rest of the last byte is the begin of the longest code, which stands for nothing.
    if (length > 7 || !all_ones) return malformed();
    return out;
  }

 private:
  std::array<uint32_t, kLongest + 1> count_{};
  std::array<size_t, kLongest + 1> start_{};
  std::array<char, 256> order_{};
};

// An integer whose first byte has `prefix` bits of it.
Result<uint64_t> take_integer(std::string_view& rest, unsigned prefix) {
  if (rest.empty()) return malformed();
  const uint64_t most = (uint64_t{1} << prefix) - 1;
  uint64_t value = static_cast<unsigned char>(rest.front()) & most;
  rest.remove_prefix(1);
  if (value < most) return value;
  for (unsigned shift = 0; shift <= 28; shift += 7) {
    if (rest.empty()) return malformed();
    const auto byte = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    value += static_cast<uint64_t>(byte & 0x7fU) << shift;
    if ((byte & 0x80U) == 0) return value;
  }
  return malformed();
}

Result<std::string> take_string(std::string_view& rest) {
  static const Huffman huffman;
  const bool coded = !rest.empty() && (static_cast<unsigned char>(rest.front()) & 0x80U) != 0;
  const uint64_t size = TRY(take_integer(rest, 7));
  if (size > rest.size()) return malformed();
  const std::string_view bytes = rest.substr(0, size);
  rest.remove_prefix(size);
  if (coded) return huffman.decode(bytes);
  return std::string(bytes);
}

void append_string(std::string& block, std::string_view text) {
  constexpr size_t kPrefix = 0x7f;
  if (text.size() < kPrefix) {
    block += static_cast<char>(text.size());
  } else {
    block += static_cast<char>(kPrefix);
    size_t left = text.size() - kPrefix;
    for (; left >= 0x80; left >>= 7U) block += static_cast<char>(0x80U | (left & 0x7fU));
    block += static_cast<char>(left);
  }
  block += text;
}

}  // namespace

void append(std::string& block, std::string_view name, std::string_view value) {
  block += '\0';
  append_string(block, name);
  append_string(block, value);
}

Result<std::vector<Field>> Decoder::decode(std::string_view block) {
  std::vector<Field> out;
  size_t bytes = 0;
  while (!block.empty()) {
    const auto first = static_cast<unsigned char>(block.front());
    if ((first & 0xe0U) == 0x20U) {
      TRY(resize(TRY(take_integer(block, 5))));
      continue;
    }
    if ((first & 0x80U) != 0) {
      out.push_back(TRY(field_at(TRY(take_integer(block, 7)))));
    } else if ((first & 0x40U) != 0) {
      out.push_back(TRY(literal(block, 6)));
      remember(out.back());
    } else {
      out.push_back(TRY(literal(block, 4)));
    }
    bytes += size_of(out.back());
    if (bytes > kMostOfBlock) return Error(Code::kResourceExhausted, "a header block is too large");
  }
  return out;
}

Result<Field> Decoder::field_at(uint64_t index) const {
  if (index == 0 || index > std::size(kStatic) + table_.size()) return malformed();
  if (index > std::size(kStatic)) return table_[index - std::size(kStatic) - 1];
  const Entry& entry = kStatic[index - 1];
  return Field{std::string(entry.name), std::string(entry.value)};
}

Result<Field> Decoder::literal(std::string_view& rest, unsigned prefix) const {
  const uint64_t index = TRY(take_integer(rest, prefix));
  Field field;
  if (index == 0) {
    field.name = TRY(take_string(rest));
  } else {
    field = TRY(field_at(index));
  }
  field.value = TRY(take_string(rest));
  return field;
}

void Decoder::remember(Field field) {
  bytes_ += size_of(field);
  table_.push_front(std::move(field));
  evict();
}

Result<> Decoder::resize(uint64_t size) {
  if (size > kTableLimit) return malformed();
  limit_ = size;
  evict();
  return {};
}

void Decoder::evict() {
  for (; bytes_ > limit_; table_.pop_back()) bytes_ -= size_of(table_.back());
}

}  // namespace skiff::buildkit::hpack
