#include "codec/yaml.h"

#include <yaml.h>

#include <algorithm>

#include "base/strings.h"

namespace skiff::yaml {

namespace {

constexpr size_t kLongest = size_t{1} << 20U;
constexpr size_t kDeepest = 32;

class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() {
    if (parsed_) yaml_event_delete(&event_);
  }
  bool read(yaml_parser_t& parser) { return parsed_ = yaml_parser_parse(&parser, &event_) != 0; }
  const yaml_event_t& operator*() const { return event_; }
  const yaml_event_t* operator->() const { return &event_; }

 private:
  yaml_event_t event_{};
  bool parsed_ = false;
};

Error error_of(const yaml_mark_t& mark, std::string_view why) {
  return error_at(mark.line + 1, mark.column + 1, why);
}

bool is_tagged(const yaml_event_t& event) {
  switch (event.type) {
    case YAML_SCALAR_EVENT:
      return event.data.scalar.tag != nullptr;
    case YAML_SEQUENCE_START_EVENT:
      return event.data.sequence_start.tag != nullptr;
    case YAML_MAPPING_START_EVENT:
      return event.data.mapping_start.tag != nullptr;
    default:
      return false;
  }
}

bool is_anchored(const yaml_event_t& event) {
  switch (event.type) {
    case YAML_SCALAR_EVENT:
      return event.data.scalar.anchor != nullptr;
    case YAML_SEQUENCE_START_EVENT:
      return event.data.sequence_start.anchor != nullptr;
    case YAML_MAPPING_START_EVENT:
      return event.data.mapping_start.anchor != nullptr;
    default:
      return false;
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) {
    ready_ = yaml_parser_initialize(&parser_) != 0;
    if (!ready_) return;
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
  ~Parser() {
    if (ready_) yaml_parser_delete(&parser_);
  }

  Result<Node> document() {
    if (!ready_) return Error(Code::kResourceExhausted, "out of memory");
    Node out;
    bool seen = false;
    for (;;) {
      Event event;
      TRY(next(event));
      switch (event->type) {
        case YAML_STREAM_END_EVENT:
          return out;
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
          continue;
        case YAML_DOCUMENT_START_EVENT:
          if (seen) return error_of(event->start_mark, "a second document");
          if (event->data.document_start.version_directive != nullptr ||
              event->data.document_start.tag_directives.start !=
                  event->data.document_start.tag_directives.end) {
            return error_of(event->start_mark, "directives are not read");
          }
          seen = true;
          continue;
        default:
          out = TRY(node(*event, 0));
      }
    }
  }

 private:
  Result<> next(Event& event) {
    if (!event.read(parser_)) {
      const std::string_view why = parser_.problem == nullptr ? "not YAML" : parser_.problem;
      // What the reader finds has no mark, but an offset.
      const bool in_reader = parser_.error == YAML_READER_ERROR;
      return error_of(in_reader ? parser_.mark : parser_.problem_mark, why);
    }
    if (event->type == YAML_ALIAS_EVENT) return error_of(event->start_mark, "an alias (*)");
    if (is_anchored(*event)) return error_of(event->start_mark, "an anchor (&)");
    if (is_tagged(*event)) return error_of(event->start_mark, "a tag (!)");
    return {};
  }

  Result<Node> node(const yaml_event_t& event, size_t depth) {
    if (depth > kDeepest) return error_of(event.start_mark, "too many levels");
    Node out{.line = event.start_mark.line + 1, .column = event.start_mark.column + 1};
    switch (event.type) {
      case YAML_SCALAR_EVENT:
        read_scalar(event, out);
        return out;
      case YAML_SEQUENCE_START_EVENT:
        out.kind = Node::Kind::kSequence;
        TRY(read_items(out, depth));
        return out;
      case YAML_MAPPING_START_EVENT:
        out.kind = Node::Kind::kMapping;
        TRY(read_members(out, depth));
        return out;
      default:
        return error_of(event.start_mark, "not expected here");
    }
  }

  static void read_scalar(const yaml_event_t& event, Node& out) {
    const auto& scalar = event.data.scalar;
    out.text.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
    out.quoted = scalar.style != YAML_PLAIN_SCALAR_STYLE;
    const bool is_null = !out.quoted && (out.text.empty() || out.text == "~" || out.text == "null");
    out.kind = is_null ? Node::Kind::kNull : Node::Kind::kScalar;
  }

  Result<> read_items(Node& out, size_t depth) {
    for (;;) {
      Event event;
      TRY(next(event));
      if (event->type == YAML_SEQUENCE_END_EVENT) return {};
      out.items.push_back(TRY(node(*event, depth + 1)));
    }
  }

  Result<> read_members(Node& out, size_t depth) {
    for (;;) {
      Event event;
      TRY(next(event));
      if (event->type == YAML_MAPPING_END_EVENT) return {};
      const Node key = TRY(node(*event, depth + 1));
      if (key.kind != Node::Kind::kScalar) {
        return error_at(key.line, key.column, "a key must be a word");
      }
      if (key.text == "<<") return error_at(key.line, key.column, "a merge (<<)");
      const auto same = std::ranges::find(out.members, key.text, &Member::key);
      if (same != out.members.end()) {
        return error_at(key.line, key.column,
                        cat("the key ", quoted(key.text), " stands in line ", same->line, ", too"));
      }
      Event value;
      TRY(next(value));
      Member member{.key = key.text, .line = key.line, .column = key.column};
      member.value = TRY(node(*value, depth + 1));
      out.members.push_back(std::move(member));
    }
  }

  yaml_parser_t parser_{};
  bool ready_ = false;
};

std::string hex_digits(unsigned byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  return cat(kDigits.substr(byte >> 4U, 1), kDigits.substr(byte & 15U, 1));
}

// Bytes of a character beyond ASCII that may not stand as it is, or ends a line: C1 controls, line
// and paragraph separators, byte order marks, U+FFFE and U+FFFF. 0 for any other.
size_t special_length(std::string_view text) {
  const bool is_c1 =
      text.size() > 1 && text[0] == '\xc2' && static_cast<unsigned char>(text[1]) < 0xa0;
  if (is_c1) return 2;
  for (const std::string_view special :
       {"\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf", "\xef\xbf\xbe", "\xef\xbf\xbf"}) {
    if (text.starts_with(special)) return special.size();
  }
  return 0;
}

// Of a character of two or three bytes.
std::string escaped(std::string_view utf8) {
  unsigned code = static_cast<unsigned char>(utf8[0]) & (utf8.size() == 2 ? 0x1fU : 0x0fU);
  for (const char c : utf8.substr(1)) code = code << 6U | (static_cast<unsigned char>(c) & 0x3fU);
  return cat("\\u", hex_digits(code >> 8U), hex_digits(code & 0xffU));
}

}  // namespace

Error error_at(size_t line, size_t column, std::string_view why) {
  return Error(Code::kInvalidArgument, cat("line ", line, ", column ", column, ": ", why));
}

Result<Node> parse(std::string_view text) {
  if (text.size() > kLongest) return Error(Code::kInvalidArgument, "more than 1 MiB of YAML");
  return Parser(text).document();
}

std::string scalar(std::string_view text) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '/' || c == '.';
  };
  const bool plain = !text.empty() && text != "null" && is_plain(text.front()) &&
                     std::ranges::all_of(text, [&](char c) { return is_plain(c) || c == '-'; });
  if (plain) return std::string(text);
  std::string out = "\"";
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    const size_t special = special_length(text.substr(i));
    if (special > 0) {
      out += escaped(text.substr(i, special));
      i += special - 1;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += cat("\\x", hex_digits(byte));
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace skiff::yaml
