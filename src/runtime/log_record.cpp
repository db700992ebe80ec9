#include "runtime/log_record.h"

#include <optional>

namespace skiff::runtime {

namespace {

constexpr size_t kLengthSize = 4;

// Protocol buffer keys, (field << 3 | wire type), of Docker's LogEntry.
constexpr uint64_t kSource = 1 << 3 | 2;
constexpr uint64_t kTime = 2 << 3 | 0;
constexpr uint64_t kLine = 3 << 3 | 2;
constexpr uint64_t kPartial = 4 << 3 | 0;

void append_length(std::string& out, size_t length) {
  for (unsigned shift : {24U, 16U, 8U, 0U}) out += static_cast<char>(length >> shift);
}

size_t length_at(std::string_view bytes) {
  size_t length = 0;
  for (size_t i = 0; i < kLengthSize; ++i) {
    length = length << 8U | static_cast<unsigned char>(bytes[i]);
  }
  return length;
}

void append_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7U) out += static_cast<char>(value | 0x80U);
  out += static_cast<char>(value);
}

std::optional<uint64_t> take_varint(std::string_view& bytes) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7fU) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> take_bytes(std::string_view& bytes) {
  auto size = take_varint(bytes);
  if (!size || *size > bytes.size()) return std::nullopt;
  std::string_view taken = bytes.substr(0, *size);
  bytes.remove_prefix(*size);
  return taken;
}

bool take_field(std::string_view& rest, LogRecord& record) {
  auto key = take_varint(rest);
  if (!key) return false;
  if ((*key & 7U) == 0) {
    auto value = take_varint(rest);
    if (!value) return false;
    if (*key == kTime) record.time_ns = static_cast<int64_t>(*value);
    if (*key == kPartial) record.partial = *value != 0;
    return true;
  }
  if ((*key & 7U) != 2) return false;
  auto value = take_bytes(rest);
  if (!value) return false;
  if (*key == kSource && *value == "stderr") record.stream = OutputStream::kStderr;
  if (*key == kLine) record.text = *value;
  return true;
}

}  // namespace

void append_log_record(std::string& out, OutputStream stream, int64_t time_ns,
                       std::string_view text) {
  const bool partial = !text.ends_with('\n');
  if (!partial) text.remove_suffix(1);
  const size_t begin = out.size();
  append_length(out, 0);
  out += static_cast<char>(kSource);
  out.append(stream == OutputStream::kStderr ? "\6stderr" : "\6stdout");
  out += static_cast<char>(kTime);
  append_varint(out, static_cast<uint64_t>(time_ns));
  out += static_cast<char>(kLine);
  append_varint(out, text.size());
  out.append(text);
  if (partial) out.append({static_cast<char>(kPartial), 1});
  const size_t length = out.size() - begin - kLengthSize;
  std::string prefix;
  append_length(prefix, length);
  out.replace(begin, kLengthSize, prefix);
  out.append(prefix);
}

LogRecordTake take_log_record(std::string_view bytes, LogRecord& record) {
  if (bytes.size() < kLengthSize) return {LogRecordState::kCut, 0};
  const size_t length = length_at(bytes);
  if (length == 0 || length > kLongestLogMessage) return {};
  const size_t size = kLengthSize + length + kLengthSize;
  if (bytes.size() < size) return {LogRecordState::kCut, 0};
  if (length_at(bytes.substr(kLengthSize + length)) != length) return {};
  record = {};
  std::string_view rest = bytes.substr(kLengthSize, length);
  while (!rest.empty()) {
    if (!take_field(rest, record)) return {};
  }
  return {LogRecordState::kWhole, size};
}

}  // namespace skiff::runtime
