// yaml::Node: a document that people write to configure a program, over libyaml's parser (kept
// inside yaml.cpp).
//
//   yaml::Node document = TRY(yaml::parse(text));
//   for (const yaml::Member& member : document.members) ... member.key, member.value.text
//
// A strict part of YAML 1.1: one document of mappings, sequences and scalars. Anchors, aliases,
// tags and merge keys are refused, as are keys that are no plain words or stand twice in a mapping,
// more than 32 levels and more than 1 MiB. Nothing is guessed of a scalar: `yes`, `0x10` and `1e3`
// are texts. Errors are kInvalidArgument and begin with the place: "line 3, column 5: ...".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace skiff::yaml {

struct Member;

struct Node {
  enum class Kind { kNull, kScalar, kSequence, kMapping };
  Kind kind = Kind::kNull;
  std::string text;             // of a scalar
  bool quoted = false;          // a scalar in quotes, or a block
  std::vector<Node> items;      // of a sequence
  std::vector<Member> members;  // of a mapping, in order
  size_t line = 1;              // where it begins, from 1
  size_t column = 1;
};

struct Member {
  std::string key;
  size_t line = 1;  // of the key
  size_t column = 1;
  Node value;
};

// An empty document is kNull.
Result<Node> parse(std::string_view text);

// kInvalidArgument, as those of parse().
Error error_at(size_t line, size_t column, std::string_view why);

// A scalar that parse() reads as `text` again.
std::string scalar(std::string_view text);

}  // namespace skiff::yaml
