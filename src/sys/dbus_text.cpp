// DbusText: from the text to its parts.
#include <optional>
#include <utility>

#include "base/strings.h"
#include "sys/dbus_text_node.h"

namespace skiff::sys {

namespace {

using Kind = DbusNodeKind;
using Node = DbusText::Node;

constexpr int kDepthLimit = 32;
Error invalid(std::string_view why) { return {Code::kInvalidArgument, std::string(why)}; }

// The length of the one whole type at the start; 0 where there is none.
size_t type_length(std::string_view type, int depth = 0) {
  constexpr std::string_view kBasic = "ybnqiuxtdsog";
  if (type.empty() || depth > kDepthLimit) return 0;
  if (kBasic.find(type[0]) != std::string_view::npos || type[0] == 'v') return 1;
  if (type[0] != 'a' || type.size() < 2) return 0;
  if (type[1] != '{') {
    size_t element = type_length(type.substr(1), depth + 1);
    return element == 0 ? 0 : 1 + element;
  }
  if (type.size() < 5 || kBasic.find(type[2]) == std::string_view::npos) return 0;
  size_t value = type_length(type.substr(3), depth + 1);
  return value != 0 && type.substr(3 + value).starts_with('}') ? 4 + value : 0;
}

std::string_view type_of_word(std::string_view word) {
  constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"boolean", "b"}, {"byte", "y"},   {"int16", "n"},      {"uint16", "q"},
      {"int32", "i"},   {"uint32", "u"}, {"int64", "x"},      {"uint64", "t"},
      {"double", "d"},  {"string", "s"}, {"objectpath", "o"}, {"signature", "g"}};
  for (const auto& [name, type] : kWords) {
    if (name == word) return type;
  }
  return "";
}

void append_utf8(std::string& out, uint32_t rune) {
  if (rune < 0x80) {
    out += static_cast<char>(rune);
    return;
  }
  const unsigned extra = rune < 0x800 ? 1 : rune < 0x10000 ? 2 : 3;
  constexpr uint8_t kLead[] = {0, 0xc0, 0xe0, 0xf0};
  out += static_cast<char>(kLead[extra] | rune >> (6 * extra));
  for (unsigned left = extra; left-- > 0;) {
    out += static_cast<char>(0x80U | (rune >> (6 * left) & 0x3fU));
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  Result<Node> whole() {
    Node node = TRY(value(0));
    skip_space();
    if (!rest_.empty()) return invalid(cat("unexpected ", quoted(rest_)));
    return node;
  }

 private:
  Result<Node> value(int depth) {
    if (depth > kDepthLimit) return invalid("it is nested too deeply");
    std::string type = TRY(given_type());
    skip_space();
    if (rest_.empty()) return invalid("it ends too early");
    Node node = TRY(untyped(depth));
    node.type = std::move(type);
    return node;
  }

  // "@as" or "uint32"; "" where there is none.
  Result<std::string> given_type() {
    skip_space();
    size_t end = rest_.find_first_of(" \t\n");
    std::string_view word = rest_.substr(0, end);
    std::string type(type_of_word(word));
    if (word.starts_with('@')) {
      type = word.substr(1);
      if (type.empty() || type_length(type) != type.size()) {
        return invalid(cat("unknown type ", quoted(word)));
      }
    }
    if (!type.empty()) rest_.remove_prefix(word.size());
    return type;
  }

  Result<Node> untyped(int depth) {
    const char c = rest_[0];
    if (c == '[') return list(Kind::kArray, ']', depth);
    if (c == '{') return list(Kind::kDictionary, '}', depth);
    if (c == '<') return variant(depth);
    if (c == '\'' || c == '"') return Node{.kind = Kind::kString, .text = TRY(text(false))};
    if (c == 'b' && rest_.size() > 1 && (rest_[1] == '\'' || rest_[1] == '"')) {
      rest_.remove_prefix(1);
      return Node{.kind = Kind::kBytes, .text = TRY(text(true))};
    }
    std::string word(rest_.substr(0, rest_.find_first_of(" \t\n,:]}>")));
    rest_.remove_prefix(word.size());
    if (word == "true" || word == "false") return Node{.kind = Kind::kBoolean, .text = word};
    if (word.find_first_of("0123456789") == std::string::npos) {
      return invalid(cat("unexpected ", quoted(word.empty() ? rest_.substr(0, 1) : word)));
    }
    return Node{.kind = Kind::kNumber, .text = word};
  }

  Result<Node> variant(int depth) {
    rest_.remove_prefix(1);
    Node node{.kind = Kind::kVariant, .text = "<...>"};
    node.children.push_back(TRY(value(depth + 1)));
    TRY(expect('>'));
    return node;
  }

  Result<Node> list(Kind kind, char end, int depth) {
    rest_.remove_prefix(1);
    Node node{.kind = kind, .text = kind == Kind::kArray ? "[...]" : "{...}"};
    if (take(end)) return node;
    do {
      node.children.push_back(TRY(value(depth + 1)));
      if (kind == Kind::kDictionary) {
        TRY(expect(':'));
        node.children.push_back(TRY(value(depth + 1)));
      }
    } while (take(','));
    TRY(expect(end));
    return node;
  }

  Result<std::string> text(bool bytes) {
    const char quote = rest_[0];
    rest_.remove_prefix(1);
    std::string out;
    while (!rest_.empty() && rest_[0] != quote) {
      const char c = rest_[0];
      rest_.remove_prefix(1);
      if (c == '\\') {
        TRY(escape(out, bytes));
      } else {
        out += c;
      }
    }
    TRY(expect(quote));
    return out;
  }

  // What stands behind a backslash.
  Result<> escape(std::string& out, bool bytes) {
    if (rest_.empty()) return invalid("it ends too early");
    constexpr std::string_view kLetters = "abfnrt";
    constexpr std::string_view kMeant = "\a\b\f\n\r\t";
    const char c = rest_[0];
    rest_.remove_prefix(1);
    if (size_t at = kLetters.find(c); at != std::string_view::npos) {
      out += kMeant[at];
    } else if (bytes && c == 'x') {
      out += static_cast<char>(TRY(digits(2, 16)));
    } else if (bytes && c == '0') {
      out += static_cast<char>(TRY(digits(3, 8)));
    } else if (!bytes && (c == 'u' || c == 'U')) {
      append_utf8(out, TRY(digits(c == 'u' ? 4 : 8, 16)));
    } else if (bytes || c != '\n') {
      out += c;
    }
    return {};
  }

  Result<uint32_t> digits(size_t count, int base) {
    std::optional<uint64_t> number = parse_uint(rest_.substr(0, count), base);
    if (rest_.size() < count || !number || *number > 0x10ffff) return invalid("a bad escape");
    rest_.remove_prefix(count);
    return static_cast<uint32_t>(*number);
  }

  void skip_space() {
    size_t at = rest_.find_first_not_of(" \t\n");
    rest_.remove_prefix(at == std::string_view::npos ? rest_.size() : at);
  }

  bool take(char c) {
    skip_space();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // The quote at a string's end may not be looked for behind spaces; there are none before it.
  Result<> expect(char c) {
    if (take(c)) return {};
    return invalid(cat("expected ", quoted(std::string(1, c)),
                       rest_.empty() ? " at its end" : cat(" before ", quoted(rest_))));
  }

  std::string_view rest_;
};

}  // namespace

Result<DbusText::Node> parse_dbus_text(std::string_view text) { return Parser(text).whole(); }

}  // namespace skiff::sys
