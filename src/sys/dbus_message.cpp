#include "sys/dbus_message.h"

namespace skiff::sys {

namespace {

constexpr size_t kMessageLimit = size_t{1} << 20U;
constexpr uint8_t kVersion = 1;
constexpr size_t kStruct = 8;  // alignment of structures and of the body

enum Field : uint8_t {
  kPath = 1,
  kInterface = 2,
  kMember = 3,
  kErrorName = 4,
  kReplySerial = 5,
  kDestination = 6,
  kSender = 7,
  kSignature = 8,
};

Error broken(std::string_view why) {
  return {Code::kDataLoss, std::string("D-Bus message: ").append(why)};
}

size_t padded(size_t size, size_t to) { return (size + to - 1) / to * to; }

void put_field(DbusWriter& writer, Field code, std::string_view type, std::string_view text) {
  if (text.empty()) return;
  writer.align(kStruct);
  writer.byte(code);
  writer.signature(type);
  if (type == "g") {
    writer.signature(text);
  } else {
    writer.string(text);
  }
}

std::string* text_field(DbusMessage& message, uint8_t code) {
  switch (code) {
    case kPath:
      return &message.path;
    case kInterface:
      return &message.interface;
    case kMember:
      return &message.member;
    case kErrorName:
      return &message.error_name;
    case kDestination:
      return &message.destination;
    case kSender:
      return &message.sender;
    default:
      return nullptr;
  }
}

Result<> take_field(DbusReader& reader, DbusMessage& message) {
  TRY(reader.align(kStruct));
  uint8_t code = TRY(reader.byte());
  std::string type = TRY(reader.signature());
  if (type == "s" || type == "o") {
    std::string text = TRY(reader.string());
    if (std::string* field = text_field(message, code)) *field = std::move(text);
  } else if (type == "g") {
    std::string text = TRY(reader.signature());
    if (code == kSignature) message.signature = std::move(text);
  } else if (type == "u") {
    uint32_t number = TRY(reader.u32());
    if (code == kReplySerial) message.reply_serial = number;
  } else {
    return broken("a header field of an unknown type");
  }
  return {};
}

}  // namespace

void DbusWriter::u32(uint32_t value) {
  align(4);
  for (unsigned shift = 0; shift < 32; shift += 8) byte(static_cast<uint8_t>(value >> shift));
}

void DbusWriter::u64(uint64_t value) {
  align(8);
  for (unsigned shift = 0; shift < 64; shift += 8) byte(static_cast<uint8_t>(value >> shift));
}

void DbusWriter::string(std::string_view text) {
  u32(static_cast<uint32_t>(text.size()));
  bytes_.append(text).push_back('\0');
}

void DbusWriter::signature(std::string_view text) {
  byte(static_cast<uint8_t>(text.size()));
  bytes_.append(text).push_back('\0');
}

void DbusWriter::align(size_t to) { bytes_.resize(padded(bytes_.size(), to)); }

size_t DbusWriter::begin_array(size_t element) {
  u32(0);
  const size_t length_at = bytes_.size() - 4;
  align(element);
  array_starts_.push_back(bytes_.size());
  return length_at;
}

void DbusWriter::end_array(size_t begun) {
  const auto length = static_cast<uint32_t>(bytes_.size() - array_starts_.back());
  array_starts_.pop_back();
  for (unsigned i = 0; i < 4; ++i) bytes_[begun + i] = static_cast<char>(length >> (8 * i));
}

Result<uint8_t> DbusReader::byte() {
  if (done()) return broken("it ends too early");
  return static_cast<uint8_t>(bytes_[at_++]);
}

Result<uint32_t> DbusReader::u32() {
  TRY(align(4));
  uint32_t value = 0;
  for (unsigned shift = 0; shift < 32; shift += 8) value |= uint32_t{TRY(byte())} << shift;
  return value;
}

Result<std::string> DbusReader::text(size_t size) {
  if (size >= bytes_.size() - at_) return broken("a text ends too early");
  std::string found(bytes_.substr(at_, size));
  at_ += size + 1;
  return found;
}

Result<std::string> DbusReader::string() { return text(TRY(u32())); }

Result<std::string> DbusReader::signature() { return text(TRY(byte())); }

Result<> DbusReader::align(size_t to) {
  const size_t next = padded(at_, to);
  if (next > bytes_.size()) return broken("it ends too early");
  at_ = next;
  return {};
}

std::string encode_dbus(const DbusMessage& message) {
  DbusWriter writer;
  writer.byte('l');
  writer.byte(static_cast<uint8_t>(message.type));
  writer.byte(0);
  writer.byte(kVersion);
  writer.u32(static_cast<uint32_t>(message.body.size()));
  writer.u32(message.serial);
  const size_t fields = writer.begin_array(kStruct);
  put_field(writer, kPath, "o", message.path);
  put_field(writer, kInterface, "s", message.interface);
  put_field(writer, kMember, "s", message.member);
  put_field(writer, kErrorName, "s", message.error_name);
  put_field(writer, kDestination, "s", message.destination);
  put_field(writer, kSignature, "g", message.signature);
  if (message.reply_serial != 0) {
    writer.align(kStruct);
    writer.byte(kReplySerial);
    writer.signature("u");
    writer.u32(message.reply_serial);
  }
  writer.end_array(fields);
  writer.align(kStruct);
  return writer.bytes() + message.body;
}

Result<size_t> dbus_message_size(std::string_view header) {
  if (header.size() < kDbusHeaderSize || header[0] != 'l' || header[3] != kVersion) {
    return broken("not a message of this machine's byte order");
  }
  DbusReader reader(header.substr(4, 12));
  const size_t body = TRY(reader.u32());
  TRY(reader.u32());
  const size_t fields = TRY(reader.u32());
  if (body > kMessageLimit || fields > kMessageLimit) return broken("it is too long");
  return padded(kDbusHeaderSize + fields, kStruct) + body;
}

Result<DbusMessage> decode_dbus(std::string_view bytes) {
  const size_t size = TRY(dbus_message_size(bytes));
  if (bytes.size() != size) return broken("its size is another than it says");
  DbusMessage message;
  message.type = static_cast<DbusType>(bytes[1]);
  DbusReader start(bytes.substr(4, 12));
  const size_t body = TRY(start.u32());
  message.serial = TRY(start.u32());
  const size_t fields = TRY(start.u32());
  DbusReader reader(bytes.substr(kDbusHeaderSize, fields));
  while (!reader.done()) TRY(take_field(reader, message));
  message.body = bytes.substr(size - body);
  return message;
}

}  // namespace skiff::sys
