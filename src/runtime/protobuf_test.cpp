#include "runtime/protobuf.h"

#include <gtest/gtest.h>

#include <vector>

namespace skiff::runtime {
namespace {

TEST(Protobuf, ReadsWhatItWrites) {
  ProtoWriter inner;
  inner.text(1, "in").number(2, 300);
  ProtoWriter writer;
  writer.number(1, 0).message(37, inner).number(2, ~uint64_t{0});
  // protoc's bytes for the same.
  EXPECT_EQ(writer.bytes(), std::string("\x08\x00\xaa\x02\x07\x0a\x02in\x10\xac\x02\x10\xff\xff\xff"
                                        "\xff\xff\xff\xff\xff\xff\x01",
                                        23));
  ProtoReader reader(writer.bytes());
  EXPECT_EQ(reader.next()->value, 0U);
  std::optional<ProtoField> field = reader.next();
  EXPECT_EQ(field->number, 37U);
  EXPECT_EQ(field->bytes, inner.bytes());
  EXPECT_EQ(reader.next()->value, ~uint64_t{0});
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.damaged());
}

TEST(Protobuf, WhatIsCutOrOfAnotherKindIsDamaged) {
  for (const std::string_view bytes : {"\x08", "\x08\x80", "\x0a\x05yes", "\x0d\x01\x02\x03\x04",
                                       "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"}) {
    ProtoReader reader(bytes);
    EXPECT_FALSE(reader.next()) << bytes.size();
    EXPECT_TRUE(reader.damaged()) << bytes.size();
  }
}

}  // namespace
}  // namespace skiff::runtime
