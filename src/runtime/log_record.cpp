#include "runtime/log_record.h"

#include <optional>

#include "runtime/protobuf.h"

namespace skiff::runtime {

namespace {

constexpr size_t kLengthSize = 4;

// The fields of Docker's LogEntry, and their keys on the wire (field << 3 | wire type): a record is
// written byte by byte, with no message of its own.
constexpr uint32_t kSourceField = 1;
constexpr uint32_t kTimeField = 2;
constexpr uint32_t kLineField = 3;
constexpr uint32_t kPartialField = 4;
constexpr uint64_t kSource = kSourceField << 3U | 2U;
constexpr uint64_t kTime = kTimeField << 3U;
constexpr uint64_t kLine = kLineField << 3U | 2U;
constexpr uint64_t kPartial = kPartialField << 3U;

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

void take_field(const ProtoField& field, LogRecord& record) {
  if (field.number == kTimeField) record.time_ns = static_cast<int64_t>(field.value);
  if (field.number == kPartialField) record.partial = field.value != 0;
  if (field.number == kSourceField && field.bytes == "stderr") {
    record.stream = OutputStream::kStderr;
  }
  if (field.number == kLineField) record.text = field.bytes;
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
  ProtoReader reader(bytes.substr(kLengthSize, length));
  while (std::optional<ProtoField> field = reader.next()) take_field(*field, record);
  if (reader.damaged()) return {};
  return {LogRecordState::kWhole, size};
}

}  // namespace skiff::runtime
