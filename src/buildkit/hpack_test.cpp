// Of the examples of RFC 7541, appendix C, and what no peer should send.
#include "buildkit/hpack.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace skiff::buildkit::hpack {
namespace {

std::string bytes_of(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(*parse_uint(hex.substr(i, 2), 16));
  }
  return out;
}

using Fields = std::vector<Field>;

TEST(HpackTest, ResponsesWithHuffmanCodesReferToEarlierOnes) {
  Decoder decoder;
  const Field date{"date", "Mon, 21 Oct 2013 20:13:21 GMT"};
  const Field place{"location", "https://www.example.com"};
  EXPECT_EQ(
      *decoder.decode(bytes_of("488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a6"
                               "2d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3")),
      (Fields{{":status", "302"}, {"cache-control", "private"}, date, place}));
  EXPECT_EQ(*decoder.decode(bytes_of("4883640effc1c0bf")),
            (Fields{{":status", "307"}, {"cache-control", "private"}, date, place}));
}

TEST(HpackTest, WhatIsWrittenCanBeRead) {
  const Fields fields{{":method", "POST"}, {"long", std::string(1000, 'a')}, {"empty", ""}};
  std::string block;
  for (const Field& field : fields) append(block, field.name, field.value);
  EXPECT_EQ(*Decoder().decode(block), fields);
}

TEST(HpackTest, ATableThatThePeerMakesSmallerForgets) {
  Decoder decoder;
  ASSERT_TRUE(
      decoder.decode(bytes_of("4003616263"
                              "03646566")));  // abc: def, remembered
  EXPECT_EQ(*decoder.decode(bytes_of("be")), (Fields{{"abc", "def"}}));
  ASSERT_TRUE(decoder.decode(bytes_of("20")));
  EXPECT_FALSE(decoder.decode(bytes_of("be")));
}

TEST(HpackTest, WhatMakesNoSenseIsRefused) {
  for (const std::string_view hex : {
           "80",                    // no entry has number 0
           "ff00",                  // nor has the table that many
           "bf",                    // it has none yet
           "00",                    // ends before the name
           "00036162",              // within it
           "0001617fffffffffff7f",  // a length of too many digits
           "3fe21f",                // a larger table than was allowed: 4097
           "00016181",              // ends before the value
           "0001618100",            // padding that is not of ones
           "00016184ffffffff",      // a code that stands for nothing
       }) {
    EXPECT_FALSE(Decoder().decode(bytes_of(hex))) << hex;
  }
}

TEST(HpackTest, ABlockSaysNoMoreThanItMay) {
  Decoder decoder;
  std::string block = bytes_of("40016125");
  block += std::string(0x25, 'x');
  const std::string large = cat(block, std::string(2000, '\xbe'));  // each is the first again
  EXPECT_EQ(decoder.decode(large).error().code(), Code::kResourceExhausted);
}

}  // namespace
}  // namespace skiff::buildkit::hpack
