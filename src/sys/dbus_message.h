// D-Bus messages as bytes and back (D-Bus specification, Type System and Message Protocol), little
// endian, of the types that systemd's calls are made of. Values without IO; thread-safe.
//
//   DbusWriter body;
//   body.string("replace");
//   std::string bytes = encode_dbus({.type = DbusType::kCall, .serial = 1, .path = "/a",
//                                    .member = "Do", .signature = "s", .body = body.bytes()});
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace skiff::sys {

class DbusWriter {
 public:
  void byte(uint8_t value) { bytes_.push_back(static_cast<char>(value)); }
  void u32(uint32_t value);
  void u64(uint64_t value);
  void boolean(bool value) { u32(value ? 1 : 0); }
  void string(std::string_view text);  // an object path too
  void signature(std::string_view text);
  void align(size_t to);
  // What is written between the two is the array; `element` is its elements' alignment.
  size_t begin_array(size_t element);
  void end_array(size_t begun);

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  std::vector<size_t> array_starts_;
};

// Reads what it is asked for; kDataLoss when the bytes end before.
class DbusReader {
 public:
  explicit DbusReader(std::string_view bytes) : bytes_(bytes) {}
  bool done() const { return at_ >= bytes_.size(); }
  Result<uint8_t> byte();
  Result<uint32_t> u32();
  Result<std::string> string();
  Result<std::string> signature();
  Result<> align(size_t to);

 private:
  Result<std::string> text(size_t size);
  std::string_view bytes_;
  size_t at_ = 0;
};

enum class DbusType : uint8_t { kCall = 1, kReply = 2, kError = 3, kSignal = 4 };

struct DbusMessage {
  DbusType type = DbusType::kCall;
  uint32_t serial = 0;
  uint32_t reply_serial = 0;  // 0: none
  std::string path;           // "" for a field that is not there
  std::string interface;
  std::string member;
  std::string error_name;
  std::string destination;
  std::string sender;
  std::string signature;
  std::string body;
};

inline constexpr size_t kDbusHeaderSize = 16;  // after which the whole size is known

std::string encode_dbus(const DbusMessage& message);
// Of the first kDbusHeaderSize bytes: how long the message is; at most 1 MiB of fields and of body.
Result<size_t> dbus_message_size(std::string_view header);
Result<DbusMessage> decode_dbus(std::string_view bytes);

}  // namespace skiff::sys
