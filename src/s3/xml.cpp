#include "s3/xml.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::s3 {

namespace {

constexpr int kMaxDepth = 16;
constexpr std::string_view kSpace = " \t\r\n";

struct Entity {
  std::string_view name;
  char character;
};
constexpr Entity kEntities[] = {
    {"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
// Readers take it for a newline where it stands for itself.
constexpr Entity kReturn = {"#13", '\r'};

void append_utf8(std::string& out, uint64_t code) {
  const auto byte = [&](uint64_t value) { out += static_cast<char>(value); };
  const auto rest = [&](int shift) {
    byte(0x80U | ((code >> static_cast<unsigned>(shift)) & 0x3fU));
  };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0U | (code >> 6U));
    rest(0);
  } else if (code < 0x10000) {
    byte(0xe0U | (code >> 12U));
    rest(6);
    rest(0);
  } else {
    byte(0xf0U | (code >> 18U));
    rest(12);
    rest(6);
    rest(0);
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Element> document() {
    TRY(skip_between());
    Element root = TRY(element(0));
    TRY(skip_between());
    if (at_ != text_.size()) return bad("text behind the root element");
    return root;
  }

 private:
  Error bad(std::string_view why) const {
    return {Code::kInvalidArgument, cat("XML, byte ", at_, ": ", why)};
  }
  bool take(std::string_view what) {
    if (!text_.substr(at_).starts_with(what)) return false;
    at_ += what.size();
    return true;
  }
  Result<> skip_past(std::string_view what) {
    const size_t end = text_.find(what, at_);
    if (end == std::string_view::npos) return bad(cat("no ", skiff::quoted(what)));
    at_ = end + what.size();
    return {};
  }
  void skip_space() { at_ = std::min(text_.find_first_not_of(kSpace, at_), text_.size()); }

  // Space, comments, and the declaration.
  Result<> skip_between() {
    while (true) {
      skip_space();
      if (take("<!--")) {
        TRY(skip_past("-->"));
      } else if (take("<?")) {
        TRY(skip_past("?>"));
      } else {
        return {};
      }
    }
  }

  // A name without its prefix.
  Result<std::string> name() {
    const size_t end = std::min(text_.find_first_of(" \t\r\n/>=<&\"'", at_), text_.size());
    const std::string_view whole = text_.substr(at_, end - at_);
    if (whole.empty() || whole.starts_with('!') || whole.starts_with('?')) return bad("no name");
    at_ = end;
    const auto parts = split_last(whole, ':');
    return std::string(parts ? parts->second : whole);
  }

  // True where the element ends with its own tag: <a/>.
  Result<bool> rest_of_tag() {
    while (true) {
      skip_space();
      if (take("/>")) return true;
      if (take(">")) return false;
      TRY(name());
      skip_space();
      if (!take("=")) return bad("an attribute without a value");
      skip_space();
      const std::string_view quote = text_.substr(at_, 1);
      if (quote != "\"" && quote != "'") return bad("an attribute's value is not quoted");
      ++at_;
      TRY(skip_past(quote));
    }
  }

  Result<Element> element(int depth) {
    if (depth == kMaxDepth) return bad("too deep");
    if (!take("<")) return bad("an element is missing");
    Element out;
    out.name = TRY(name());
    if (TRY(rest_of_tag())) return out;
    while (true) {
      if (take("<!--")) {
        TRY(skip_past("-->"));
      } else if (take("</")) {
        if (TRY(name()) != out.name) return bad(cat("not the end of ", out.name));
        skip_space();
        if (!take(">")) return bad("an end tag does not end");
        return out;
      } else if (text_.substr(at_, 1) == "<") {
        out.children.push_back(TRY(element(depth + 1)));
      } else {
        TRY(append_text(out.text));
      }
    }
  }

  Result<> append_text(std::string& out) {
    const size_t end = text_.find('<', at_);
    if (end == std::string_view::npos) return bad("the document is cut off");
    while (at_ < end) {
      if (text_[at_] == '&') {
        TRY(append_entity(out));
      } else {
        out += text_[at_++];
      }
    }
    return {};
  }

  Result<> append_entity(std::string& out) {
    const size_t end = text_.find(';', at_);
    if (end == std::string_view::npos) return bad("an entity does not end");
    std::string_view entity = text_.substr(at_ + 1, end - at_ - 1);
    if (entity.starts_with('#')) {
      const bool is_hex = entity.starts_with("#x");
      const auto code = parse_uint(entity.substr(is_hex ? 2 : 1), is_hex ? 16 : 10);
      if (!code || *code == 0 || *code > 0x10ffff) return bad("no such character");
      append_utf8(out, *code);
      at_ = end + 1;
      return {};
    }
    for (const Entity& known : kEntities) {
      if (known.name != entity) continue;
      out += known.character;
      at_ = end + 1;
      return {};
    }
    return bad("an unknown entity");
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::string Element::get(std::string_view child) const {
  for (const Element& each : children) {
    if (each.name == child) return each.text;
  }
  return "";
}

std::vector<const Element*> Element::all(std::string_view child) const {
  std::vector<const Element*> found;
  for (const Element& each : children) {
    if (each.name == child) found.push_back(&each);
  }
  return found;
}

Result<Element> parse_xml(std::string_view text) { return Parser(text).document(); }

std::string escape_xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const Entity* entity =
        c == kReturn.character ? &kReturn : std::ranges::find(kEntities, c, &Entity::character);
    if (entity == std::end(kEntities)) {
      out += c;
    } else {
      out += cat("&", entity->name, ";");
    }
  }
  return out;
}

}  // namespace skiff::s3
