#include "runtime/protobuf.h"

namespace skiff::runtime {

namespace {

constexpr unsigned kNumberBits = 3;  // the wire type stands below the field's number
constexpr uint64_t kVarint = 0;
constexpr uint64_t kBytes = 2;

}  // namespace

void append_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7U) out += static_cast<char>(value | 0x80U);
  out += static_cast<char>(value);
}

ProtoWriter& ProtoWriter::number(uint32_t field, uint64_t value) {
  append_varint(out_, uint64_t{field} << kNumberBits | kVarint);
  append_varint(out_, value);
  return *this;
}

ProtoWriter& ProtoWriter::text(uint32_t field, std::string_view bytes) {
  append_varint(out_, uint64_t{field} << kNumberBits | kBytes);
  append_varint(out_, bytes.size());
  out_.append(bytes);
  return *this;
}

ProtoWriter& ProtoWriter::add(const ProtoWriter& other) {
  out_.append(other.out_);
  return *this;
}

std::optional<ProtoField> ProtoReader::next() {
  if (rest_.empty() || damaged_) return std::nullopt;
  std::optional<ProtoField> field = take_field();
  damaged_ = !field;
  return field;
}

std::optional<ProtoField> ProtoReader::take_field() {
  const std::optional<uint64_t> key = take_varint();
  if (!key) return std::nullopt;
  ProtoField field{.number = static_cast<uint32_t>(*key >> kNumberBits)};
  const std::optional<uint64_t> value = take_varint();
  if (!value) return std::nullopt;
  switch (*key & ((1U << kNumberBits) - 1)) {
    case kVarint:
      field.value = *value;
      return field;
    case kBytes:
      if (*value > rest_.size()) return std::nullopt;
      field.bytes = rest_.substr(0, *value);
      rest_.remove_prefix(*value);
      return field;
    default:
      return std::nullopt;
  }
}

std::optional<uint64_t> ProtoReader::take_varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7fU) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

}  // namespace skiff::runtime
