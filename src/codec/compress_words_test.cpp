#include "codec/compress_words.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(CompressWords, AreReadInAnyOrder) {
  const auto read = read_compress_words({{"compression-level", "19"},
                                         {"compression", "zstd"},
                                         {"force-compression", ""},
                                         {"ref", "another's"}});
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->form, (CompressForm{.compression = Compression::kZstd, .level = 19}));
  EXPECT_TRUE(read->force);
}

TEST(CompressWords, ALevelAloneIsOneOfGzip) {
  EXPECT_EQ(read_compress_words({{"compression-level", "9"}})->form,
            (CompressForm{.compression = Compression::kGzip, .level = 9}));
  EXPECT_EQ(read_compress_words({})->form, std::nullopt);
}

TEST(CompressWords, WhatIsNoneIsNamed) {
  const auto why = [](const std::string& name, const std::string& value) {
    const auto read = read_compress_words({{name, value}});
    return read ? "" : read.error().message();
  };
  EXPECT_EQ(why("compression", "estargz"), "compression=estargz: it is gzip, zstd or uncompressed");
  EXPECT_EQ(why("compression-level", "99999999999"),
            "compression-level=99999999999: it is a number");
  EXPECT_EQ(why("compression-level", "10"), "level 10: gzip has 0 to 9");
  EXPECT_EQ(why("force-compression", "maybe"), "force-compression=maybe: it is true or false");
}

}  // namespace
}  // namespace skiff
