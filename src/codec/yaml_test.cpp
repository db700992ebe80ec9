#include "codec/yaml.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace skiff::yaml {
namespace {

std::string refusal(std::string_view text) {
  const auto read = parse(text);
  EXPECT_FALSE(read) << text;
  return read ? "" : read.error().message();
}

TEST(Yaml, MappingsSequencesAndScalarsComeWithTheirPlaces) {
  const auto read = parse("# said\nroot: /var/lib/x\nports:\n  - 1\n  - 'a: b'\nempty:\n");
  ASSERT_TRUE(read) << read.error().message();
  ASSERT_EQ(read->kind, Node::Kind::kMapping);
  ASSERT_EQ(read->members.size(), 3u);
  EXPECT_EQ(read->members[0].key, "root");
  EXPECT_EQ(read->members[0].value.text, "/var/lib/x");
  EXPECT_EQ(read->members[0].value.line, 2u);
  EXPECT_EQ(read->members[0].value.column, 7u);
  const Node& ports = read->members[1].value;
  ASSERT_EQ(ports.items.size(), 2u);
  EXPECT_FALSE(ports.items[0].quoted);
  EXPECT_EQ(ports.items[1].text, "a: b");
  EXPECT_TRUE(ports.items[1].quoted);
  EXPECT_EQ(read->members[2].value.kind, Node::Kind::kNull);
}

TEST(Yaml, NothingIsGuessed) {
  const auto read = parse("[yes, 0x10, 1e3, 012, null, ~, 'null', 2026-11-29]");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->items[0].text, "yes");
  EXPECT_EQ(read->items[1].text, "0x10");
  EXPECT_EQ(read->items[4].kind, Node::Kind::kNull);
  EXPECT_EQ(read->items[6].kind, Node::Kind::kScalar);
  EXPECT_EQ(read->items[7].text, "2026-11-29");
}

TEST(Yaml, EmptyDocumentsAreNull) {
  for (const char* text : {"", "\n", "# nothing\n", "---\n"}) {
    const auto read = parse(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(read->kind, Node::Kind::kNull) << text;
  }
}

TEST(Yaml, WhatIsCleverIsRefusedByItsPlace) {
  EXPECT_EQ(refusal("a: &x 1\n"), "line 1, column 4: an anchor (&)");
  EXPECT_EQ(refusal("a: 1\nb: *a\n"), "line 2, column 4: an alias (*)");
  EXPECT_EQ(refusal("a: !!int 1\n"), "line 1, column 4: a tag (!)");
  EXPECT_EQ(refusal("<<: {a: 1}\n"), "line 1, column 1: a merge (<<)");
  EXPECT_EQ(refusal("a: 1\nb: 2\na: 3\n"), "line 3, column 1: the key \"a\" stands in line 1, too");
  EXPECT_EQ(refusal("? [a]\n: 1\n"), "line 1, column 3: a key must be a word");
  EXPECT_EQ(refusal("---\na: 1\n---\nb: 1\n"), "line 3, column 1: a second document");
  EXPECT_NE(refusal("%YAML 1.1\n---\na: 1\n").find("line 1"), std::string::npos);
  EXPECT_NE(refusal("a: [1\n").find("line "), std::string::npos);
  EXPECT_NE(refusal("a: b\n  c: d\n").find("line 2"), std::string::npos);
  EXPECT_NE(refusal("a: \xff\n").find("line "), std::string::npos);
  EXPECT_NE(refusal(std::string(100, '[')).find("too many levels"), std::string::npos);
  EXPECT_EQ(refusal(std::string((size_t{1} << 20U) + 1, ' ')), "more than 1 MiB of YAML");
}

TEST(Yaml, AScalarComesBack) {
  for (const std::string text : {"plain", "/a/b.c", "127.0.0.1:5000", "", "null", "a: b", "-", "#x",
                                 "say \"x\"", "back\\slash", "two\nlines", "tab\tbell\a", "é"}) {
    const auto read = parse(cat("a: ", scalar(text), "\n"));
    ASSERT_TRUE(read) << scalar(text);
    EXPECT_EQ(read->members.at(0).value.kind, Node::Kind::kScalar) << scalar(text);
    EXPECT_EQ(read->members.at(0).value.text, text);
  }
}

}  // namespace
}  // namespace skiff::yaml
