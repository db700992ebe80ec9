#include "codec/base64.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/random.h"
#include "codec/test_programs.h"

namespace skiff {
namespace {

TEST(Base64, TheVectorsOfTheRfc) {
  // RFC 4648, 10.
  const std::pair<const char*, const char*> kVectors[] = {{"", ""},
                                                          {"f", "Zg=="},
                                                          {"fo", "Zm8="},
                                                          {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="},
                                                          {"fooba", "Zm9vYmE="},
                                                          {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : kVectors) {
    EXPECT_EQ(base64_encode(plain), text);
    EXPECT_EQ(*base64_decode(text), plain);
  }
}

TEST(Base64, TheUrlAlphabet) {
  const std::string bytes = "\xfb\xff\xfe";
  EXPECT_EQ(base64_encode(bytes), "+//+");
  EXPECT_EQ(base64url_encode(bytes), "-__-");
  EXPECT_EQ(*base64_decode("-__-"), bytes);
  EXPECT_EQ(*base64_decode("+//+"), bytes);
}

TEST(Base64, BadTextIsRefused) {
  for (const char* text : {"Z", "Zg=", "Zg===", "=", "====", "Zm9v!", "Zm 9v", "Zg==Zg=="}) {
    const auto decoded = base64_decode(text);
    ASSERT_FALSE(decoded) << text;
    EXPECT_EQ(decoded.error().code(), Code::kInvalidArgument) << text;
  }
}

RC_GTEST_PROP(Base64, ComesBack, (const std::string& bytes)) {
  const std::string text = base64_encode(bytes);
  RC_ASSERT(*base64_decode(text) == bytes);
  RC_ASSERT(*base64_decode(base64url_encode(bytes)) == bytes);
  RC_ASSERT(*base64_decode(text.substr(0, text.find('='))) == bytes);
}

RC_GTEST_PROP(Base64, AnyTextDecodesOrIsRefused, (const std::string& text)) {
  const auto decoded = base64_decode(text);
  if (decoded) RC_ASSERT(decoded->size() <= text.size());
}

class Base64Program : public ProgramTest {};

TEST_F(Base64Program, EncodesTheSame) {
  const std::string bytes = random_bytes(100'001);
  put("bytes", bytes);
  EXPECT_EQ(in_dir("base64 -w0 bytes"), base64_encode(bytes));
}

}  // namespace
}  // namespace skiff
