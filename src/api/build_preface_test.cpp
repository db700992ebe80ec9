// What skiff sends in front of a build's context, whole, broken and hostile.
#include "api/build_preface.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "codec/base64.h"

namespace skiff::api {
namespace {

std::string body_of(const std::string& object, const std::string& parts) {
  return cat(object.size(), "\n", object, parts);
}

// In pieces of a few bytes, as they may come.
class Slow : public Source {
 public:
  explicit Slow(std::string text) : text_(std::move(text)) {}
  Result<size_t> read(std::span<char> buffer) override {
    constexpr size_t kMost = 3;
    const size_t n = text_.copy(buffer.data(), std::min(buffer.size(), kMost), at_);
    at_ += n;
    return n;
  }

 private:
  std::string text_;
  size_t at_ = 0;
};

std::string failure_of(const std::string& body) {
  Slow source(body);
  BuildPreface preface(source);
  builder::BuildRequest request;
  Result<> done = preface.read(request);
  if (!done) return done.error().message();
  auto read = read_all(*request.context_tar, 1000);
  return read ? "" : read.error().message();
}

TEST(BuildPreface, HasSecretsContextsAndTheirTarsInOrder) {
  const std::string object =
      cat(R"({"secrets":{"s":")", base64_encode(std::string(100000, 'x')),
          R"("},"ssh":{"default":"/a"},"allow":["security.insecure"],"dockerfile":"FROM scratch",)"
          R"("contexts":{"b":{"files":true},"i":{"image":"alpine"},"u":{"url":"https://x/a.git"},)"
          R"("a":{"layout":true,"reference":"v1"}}})");
  Slow source(body_of(object, "3\nAAA2\nAA0\n1\nB0\n4\nmain0\n"));
  BuildPreface preface(source);
  builder::BuildRequest request;
  const Result<> done = preface.read(request);
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(request.secrets["s"], std::string(100000, 'x'));
  EXPECT_EQ(request.ssh_agents["default"], "/a");
  EXPECT_TRUE(request.entitlements.contains("security.insecure"));
  EXPECT_EQ(request.dockerfile_text, "FROM scratch");
  auto& named = request.named_contexts;
  EXPECT_EQ(std::get<builder::ImageContext>(named["i"]).image, "alpine");
  EXPECT_EQ(std::get<builder::RemoteContext>(named["u"]).url, "https://x/a.git");
  auto& layout = std::get<builder::LayoutContext>(named["a"]);
  EXPECT_EQ(layout.reference, "v1");
  // The second cannot be read before the first.
  EXPECT_FALSE(read_all(*request.context_tar, 100));
  EXPECT_EQ(read_all(*layout.layout.tar, 100).value(), "AAAAA");
  EXPECT_EQ(read_all(*std::get<builder::LocalFiles>(named["b"]).tar, 100).value(), "B");
  EXPECT_EQ(read_all(*request.context_tar, 100).value(), "main");
  EXPECT_EQ(read_all(*request.context_tar, 100).value(), "");
}

TEST(BuildPreface, WhatIsBrokenIsNamed) {
  EXPECT_EQ(failure_of(""), "the build's body ends too soon");
  EXPECT_EQ(failure_of("5\n{}"), "the build's body ends too soon");
  EXPECT_NE(failure_of("x\n{}").find("is no length"), std::string::npos);
  EXPECT_NE(failure_of("11111111111111111111111").find("too large"), std::string::npos);
  EXPECT_NE(failure_of("99999999999\n{}").find("too large"), std::string::npos);
  EXPECT_NE(failure_of(body_of("{", "")).find("the build's body"), std::string::npos);
  EXPECT_NE(failure_of(body_of(R"({"contexts":{"a":{}}})", "")).find("build context a"),
            std::string::npos);
  EXPECT_NE(failure_of(body_of(R"({"secrets":{"s":"!"}})", "")).find("secret s"),
            std::string::npos);
  EXPECT_EQ(failure_of(body_of("{}", "")), "the build's body ends too soon");
  EXPECT_EQ(failure_of(body_of("{}", "4\nab")), "the build's body ends too soon");
  EXPECT_NE(failure_of(body_of("{}", "zz\nab")).find("is no length"), std::string::npos);
  EXPECT_EQ(failure_of(body_of("{}", "0\n")), "");
}

TEST(BuildPreface, ValuesOfOtherTypesAreRefusedOrPassedOver) {
  for (const char* object :
       {R"({"secrets":[1]})", R"({"secrets":{"a":1}})", R"({"ssh":{"a":[]}})", R"({"allow":{}})",
        R"({"contexts":[]})", R"({"contexts":{"a":1}})", R"({"dockerfile":1})", "[]", "1"}) {
    failure_of(body_of(object, "0\n"));
  }
}

}  // namespace
}  // namespace skiff::api
