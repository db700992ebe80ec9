// The grammar as properties; tests/golden/references has it as examples.
#include "oci/reference.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/strings.h"

namespace skiff::oci {
namespace {

rc::Gen<std::string> word(const std::string& alphabet, int most) {
  return rc::gen::resize(
      most, rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::elementOf(alphabet))));
}

rc::Gen<std::string> joined(rc::Gen<std::string> part, std::vector<std::string> separators) {
  const auto pieces =
      rc::gen::resize(4, rc::gen::container<std::vector<std::pair<std::string, std::string>>>(
                             rc::gen::pair(rc::gen::elementOf(std::move(separators)), part)));
  return rc::gen::map(rc::gen::pair(part, pieces), [](const auto& drawn) {
    std::string text = drawn.first;
    for (const auto& [separator, piece] : drawn.second) text += cat(separator, piece);
    return text;
  });
}

rc::Gen<std::string> path_component() {
  return joined(word("abz019", 8), {".", "_", "__", "-", "--", "-----"});
}

rc::Gen<std::string> tag() {
  return rc::gen::map(rc::gen::pair(word("aZ0_", 1), word("aZ0_.-", 20)),
                      [](const auto& drawn) { return drawn.first + drawn.second; });
}

std::string draw_text() {
  // A first part with a dot is read as a registry, so what follows no registry has none.
  std::string text =
      *rc::gen::element<std::string>("", "localhost/", "127.0.0.1:5000/", "[::1]:5000/",
                                     "a-b.example/", "docker.io/", "Host/", "index.docker.io/");
  if (text.empty()) text = cat(*word("abz019", 8), "/");
  text += *joined(path_component(), {"/"});
  if (*rc::gen::arbitrary<bool>()) text += cat(":", *tag());
  if (*rc::gen::arbitrary<bool>()) {
    const auto algorithm = *rc::gen::element(HashAlgorithm::kSha256, HashAlgorithm::kSha512);
    text += cat("@", Digest::of(text, algorithm).str());
  }
  return text;
}

RC_GTEST_PROP(Reference, ParsesWhatItPrints, ()) {
  const std::string text = draw_text();
  auto ref = Reference::parse(text);
  if (!ref) RC_FAIL(cat(text, ": ", ref.error().message()));
  RC_ASSERT(Reference::parse(ref->str()).value() == *ref);
  RC_ASSERT(Reference::parse(ref->familiar()).value() == *ref);
  RC_ASSERT(Reference::parse(ref->repository()).value().str() == ref->repository());
}

RC_GTEST_PROP(Reference, AnyBytesAreParsedOrRefused, (const std::string& text)) {
  auto ref = Reference::parse(text);
  if (ref) RC_ASSERT(Reference::parse(ref->str()).value() == *ref);
}

RC_GTEST_PROP(Reference, OneCharacterChangedIsParsedOrRefused, ()) {
  std::string text = draw_text();
  text[*rc::gen::inRange<size_t>(0, text.size())] = *rc::gen::arbitrary<char>();
  auto ref = Reference::parse(text);
  if (ref) RC_ASSERT(Reference::parse(ref->str()).value() == *ref);
}

RC_GTEST_PROP(Reference, ComponentsOfTheGrammarAreValid, ()) {
  RC_ASSERT(valid_repository_path(*joined(path_component(), {"/"})));
  RC_ASSERT(valid_tag(*tag()));
}

TEST(Reference, DefaultTagOnlyWhereNeitherTagNorDigestIs) {
  const Digest digest = Digest::of("x");
  EXPECT_EQ(Reference::parse("a")->with_default_tag().familiar(), "a:latest");
  EXPECT_EQ(Reference::parse("a:1")->with_default_tag().familiar(), "a:1");
  const Reference pinned = Reference::parse("a")->with_digest(digest);
  EXPECT_EQ(pinned.with_default_tag().familiar(), cat("a@", digest.str()));
  EXPECT_EQ(pinned.with_tag("2").familiar(), cat("a:2@", digest.str()));
}

TEST(Reference, FamiliarNamesDropOnlyWhatParseAddsAgain) {
  EXPECT_EQ(Reference::parse("docker.io/library/a")->familiar(), "a");
  EXPECT_EQ(Reference::parse("docker.io/a/b")->familiar(), "a/b");
  EXPECT_EQ(Reference::parse("docker.io/library/a/b")->familiar(), "library/a/b");
  EXPECT_EQ(Reference::parse("docker.io/a.b/c")->familiar(), "docker.io/a.b/c");
  EXPECT_EQ(Reference::parse("docker.io/localhost/c")->familiar(), "docker.io/localhost/c");
  EXPECT_EQ(Reference::parse("quay.example/library/a")->familiar(), "quay.example/library/a");
}

TEST(Reference, PathsAndTagsOfTheRegistrysGrammar) {
  EXPECT_TRUE(valid_repository_path("a"));
  EXPECT_TRUE(valid_repository_path(std::string(255, 'a')));
  for (const std::string& bad :
       {std::string(), std::string("a/"), std::string("A"), std::string("a/../b"),
        std::string("%61"), std::string(256, 'a'), std::string("a\0b", 3)}) {
    EXPECT_FALSE(valid_repository_path(bad)) << bad;
  }
  EXPECT_TRUE(valid_tag(std::string(128, 'A')));
  for (const std::string& bad : {std::string(), std::string(".x"), std::string("-x"),
                                 std::string(129, 'a'), std::string("a/b"), std::string("a\n")}) {
    EXPECT_FALSE(valid_tag(bad)) << bad;
  }
}

}  // namespace
}  // namespace skiff::oci
