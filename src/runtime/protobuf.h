// Protocol buffers, as much of their wire format as our peers' messages have: whole numbers,
// bytes, and messages in messages.
//
//   ProtoWriter w;
//   w.number(1, 4).text(10, "dump.log");
//   ProtoReader reader(w.bytes());
//   while (std::optional<ProtoField> field = reader.next()) ...   // field->number, ->value,
//   ->bytes if (reader.damaged()) ...
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace skiff::runtime {

void append_varint(std::string& out, uint64_t value);

class ProtoWriter {
 public:
  // An int32 or int64 that is negative goes as the uint64 of the same bits.
  ProtoWriter& number(uint32_t field, uint64_t value);
  ProtoWriter& text(uint32_t field, std::string_view bytes);
  ProtoWriter& message(uint32_t field, const ProtoWriter& inner) { return text(field, inner.out_); }
  // All fields of the other: those of the same number come after ours.
  ProtoWriter& add(const ProtoWriter& other);
  const std::string& bytes() const { return out_; }

 private:
  std::string out_;
};

struct ProtoField {
  uint32_t number = 0;
  uint64_t value = 0;      // of a whole number
  std::string_view bytes;  // of what has a length; points into what is read
};

class ProtoReader {
 public:
  explicit ProtoReader(std::string_view bytes) : rest_(bytes) {}
  // Nothing at the end, and where the bytes are no such message.
  std::optional<ProtoField> next();
  bool damaged() const { return damaged_; }

 private:
  std::optional<uint64_t> take_varint();
  std::optional<ProtoField> take_field();

  std::string_view rest_;
  bool damaged_ = false;
};

}  // namespace skiff::runtime
