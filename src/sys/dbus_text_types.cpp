// DbusText: which type a value has, and its bytes.
#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

#include "base/strings.h"
#include "sys/dbus_text_node.h"

namespace skiff::sys {

namespace {

using Kind = DbusNodeKind;
using Node = DbusText::Node;

constexpr std::string_view kNumberTypes = "ynqiuxtd";

Error invalid_type(std::string_view why) { return {Code::kInvalidArgument, std::string(why)}; }

Error mismatch(const Node& node, std::string_view type) {
  return invalid_type(cat(quoted(node.text), " is nothing of the type ", quoted(type)));
}

bool hexadecimal(std::string_view number) { return number.find('x') != std::string_view::npos; }

// The type of a node, and whether it can be no other.
struct Inferred {
  std::string type;
  bool fixed = false;
};

Result<Inferred> infer(const Node& node);

// Of one among an array's elements, or a dictionary's keys or values: the first that is fixed.
Result<Inferred> infer_among(const Node& node, size_t first, size_t step) {
  std::optional<Inferred> usual;
  for (size_t i = first; i < node.children.size(); i += step) {
    Result<Inferred> child = infer(node.children[i]);
    if (!child) continue;  // "[]" says nothing, its neighbour may
    if (child->fixed) return child;
    if (!usual) usual = std::move(*child);
  }
  if (usual) return std::move(*usual);
  return invalid_type(cat("nothing tells the type of ", node.text));
}

Result<Inferred> infer(const Node& node) {
  if (!node.type.empty()) return Inferred{node.type, true};
  switch (node.kind) {
    case Kind::kNumber:
      if (!hexadecimal(node.text) && node.text.find_first_of(".eE") != std::string::npos) {
        return Inferred{"d", true};
      }
      return Inferred{"i", false};
    case Kind::kString:
      return Inferred{"s", false};
    case Kind::kBoolean:
      return Inferred{"b", true};
    case Kind::kBytes:
      return Inferred{"ay", true};
    case Kind::kVariant:
      return Inferred{"v", true};
    case Kind::kArray: {
      Inferred element = TRY(infer_among(node, 0, 1));
      return Inferred{"a" + element.type, element.fixed};
    }
    case Kind::kDictionary: {
      Inferred key = TRY(infer_among(node, 0, 2));
      Inferred value = TRY(infer_among(node, 1, 2));
      return Inferred{cat("a{", key.type, value.type, "}"), key.fixed && value.fixed};
    }
  }
  return invalid_type("no type");
}

std::optional<double> as_double(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  return end == text.c_str() + text.size() && std::isfinite(number) ? std::optional(number)
                                                                    : std::nullopt;
}

struct Whole {
  bool negative = false;
  uint64_t magnitude = 0;
};

std::optional<Whole> as_whole(std::string_view text) {
  Whole whole;
  if (text.starts_with('-') || text.starts_with('+')) {
    whole.negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.starts_with("0x")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0') {
    base = 8;
  }
  std::optional<uint64_t> magnitude = parse_uint(text, base);
  if (!magnitude) return std::nullopt;
  whole.magnitude = *magnitude;
  return whole;
}

Result<> write_number(const Node& node, char type, DbusWriter& writer) {
  if (type == 'd') {
    std::optional<double> number = as_double(node.text);
    if (!number) return mismatch(node, "d");
    writer.u64(std::bit_cast<uint64_t>(*number));
    return {};
  }
  const std::string_view types = "ynqiuxt";
  constexpr unsigned kBits[] = {8, 16, 16, 32, 32, 64, 64};
  const size_t at = types.find(type);
  const bool is_signed = type == 'n' || type == 'i' || type == 'x';
  std::optional<Whole> number = as_whole(node.text);
  if (!number || at == std::string_view::npos) return mismatch(node, std::string(1, type));
  const unsigned bits = kBits[at];
  uint64_t most = std::numeric_limits<uint64_t>::max() >> (64 - bits + (is_signed ? 1 : 0));
  if (number->negative) most = is_signed ? most + 1 : 0;
  if (number->magnitude > most) return mismatch(node, std::string(1, type));
  const uint64_t value = number->negative ? 0 - number->magnitude : number->magnitude;
  writer.align(bits / 8);
  for (unsigned shift = 0; shift < bits; shift += 8) {
    writer.byte(static_cast<uint8_t>(value >> shift));
  }
  return {};
}

size_t alignment(char type) {
  constexpr std::string_view kFour = "biuso", kTwo = "nq", kOne = "ygv";
  if (type == 'a' || kFour.find(type) != std::string_view::npos) return 4;
  if (kTwo.find(type) != std::string_view::npos) return 2;
  return kOne.find(type) != std::string_view::npos ? 1 : 8;
}

Result<> write_node(const Node& node, std::string_view type, DbusWriter& writer);

Result<> write_array(const Node& node, std::string_view element, DbusWriter& writer) {
  const bool is_dictionary = element.starts_with('{');
  if (is_dictionary != (node.kind == Kind::kDictionary)) return mismatch(node, element);
  const size_t array = writer.begin_array(is_dictionary ? 8 : alignment(element[0]));
  for (size_t i = 0; i < node.children.size(); ++i) {
    if (!is_dictionary) {
      TRY(write_node(node.children[i], element, writer));
      continue;
    }
    if (i % 2 == 0) writer.align(8);
    TRY(write_node(node.children[i],
                   i % 2 == 0 ? element.substr(1, 1) : element.substr(2, element.size() - 3),
                   writer));
  }
  writer.end_array(array);
  return {};
}

Result<> write_bytes(const Node& node, DbusWriter& writer) {
  const size_t array = writer.begin_array(1);
  for (const char c : node.text) writer.byte(static_cast<uint8_t>(c));
  writer.byte(0);  // a byte string ends as in C
  writer.end_array(array);
  return {};
}

Result<> write_node(const Node& node, std::string_view type, DbusWriter& writer) {
  if (!node.type.empty() && node.type != type) return mismatch(node, type);
  switch (node.kind) {
    case Kind::kNumber:
      if (type.size() != 1 || kNumberTypes.find(type) == std::string_view::npos) break;
      return write_number(node, type[0], writer);
    case Kind::kString:
      if (type != "s" && type != "o" && type != "g") break;
      if (type != "g") writer.string(node.text);
      if (type == "g" && node.text.size() > 255) break;
      if (type == "g") writer.signature(node.text);
      return {};
    case Kind::kBoolean:
      if (type != "b") break;
      writer.boolean(node.text == "true");
      return {};
    case Kind::kBytes:
      if (type != "ay") break;
      return write_bytes(node, writer);
    case Kind::kVariant: {
      if (type != "v") break;
      const Inferred inner = TRY(infer(node.children[0]));
      writer.signature(inner.type);
      return write_node(node.children[0], inner.type, writer);
    }
    case Kind::kArray:
    case Kind::kDictionary:
      if (!type.starts_with('a')) break;
      return write_array(node, type.substr(1), writer);
  }
  return mismatch(node, type);
}

}  // namespace

Result<DbusText> DbusText::parse(std::string_view text) {
  Node node = TRY(parse_dbus_text(text));
  DbusText value;
  value.type_ = TRY(infer(node)).type;
  value.node_ = std::make_shared<const Node>(std::move(node));
  DbusWriter tried;  // tells what the type does not hold
  TRY(value.write(tried));
  return value;
}

Result<> DbusText::write(DbusWriter& writer) const { return write_node(*node_, type_, writer); }

Result<uint64_t> DbusText::scaled(uint64_t parts) const {
  if (node_->kind != Kind::kNumber) return invalid_type("not a number");
  std::optional<Whole> whole = as_whole(node_->text);
  if (whole && !whole->negative && whole->magnitude <= UINT64_MAX / parts) {
    return whole->magnitude * parts;
  }
  std::optional<double> number = as_double(node_->text);
  const double product = number.value_or(-1) * static_cast<double>(parts);
  if (whole || product < 0 || product >= 0x1p64) return invalid_type("out of range");
  return static_cast<uint64_t>(product);
}

}  // namespace skiff::sys
