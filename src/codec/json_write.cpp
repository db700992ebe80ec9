// Value::dump and Value::pretty: the bytes that Go's encoding/json would write, since
// Docker's clients compare and show them.
#include <charconv>
#include <cmath>

#include "codec/json.h"

namespace skiff::json {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

// The length of the well-formed UTF-8 sequence at the front of `text` (RFC 3629), or 0.
size_t utf8_length(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  const size_t length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length == 0 || text.size() < length) return 0;
  // Overlong forms, surrogates and code points above U+10FFFF show in the second byte.
  unsigned low = 0x80;
  unsigned high = 0xbf;
  if (lead == 0xe0) low = 0xa0;
  if (lead == 0xed) high = 0x9f;
  if (lead == 0xf0) low = 0x90;
  if (lead == 0xf4) high = 0x8f;
  if (byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return 0;
  }
  return length;
}

class Writer {
 public:
  Writer(Html html, int indent) : html_(html), indent_(indent) {}

  std::string take() { return std::move(out_); }

  void write(const Value& v) {
    if (v.is_null()) {
      out_ += "null";
    } else if (v.is_bool()) {
      out_ += v.as_bool() ? "true" : "false";
    } else if (v.is_int()) {
      write_int(v.as_int());
    } else if (v.is_number()) {
      write_double(v.as_double());
    } else if (v.is_string()) {
      write_string(v.as_string());
    } else if (v.is_array()) {
      write_array(v.as_array());
    } else {
      write_object(v.as_object());
    }
  }

 private:
  void write_array(const Array& items) {
    out_ += '[';
    ++depth_;
    bool first = true;
    for (const Value& item : items) {
      separate(first);
      write(item);
    }
    close(items.empty(), ']');
  }

  void write_object(const Object& object) {
    out_ += '{';
    ++depth_;
    bool first = true;
    for (const auto& [key, value] : object) {
      separate(first);
      write_string(key);
      out_ += indent_ > 0 ? ": " : ":";
      write(value);
    }
    close(object.empty(), '}');
  }

  void separate(bool& first) {
    if (!std::exchange(first, false)) out_ += ',';
    new_line();
  }

  void close(bool empty, char bracket) {
    --depth_;
    if (!empty) new_line();
    out_ += bracket;
  }

  void new_line() {
    if (indent_ <= 0) return;
    out_ += '\n';
    out_.append(static_cast<size_t>(indent_) * depth_, ' ');
  }

  void write_int(int64_t n) {
    char buf[24];
    out_.append(buf, std::to_chars(buf, buf + sizeof buf, n).ptr);
  }

  // Go: shortest digits, with an exponent only below 1e-6 and from 1e21 on; JSON has no
  // NaN and no infinity.
  void write_double(double d) {
    if (!std::isfinite(d)) {
      out_ += "null";
      return;
    }
    const double size = std::abs(d);
    const bool plain = size == 0 || (size >= 1e-6 && size < 1e21);
    char buf[64];
    auto end = std::to_chars(buf, buf + sizeof buf, d,
                             plain ? std::chars_format::fixed : std::chars_format::scientific);
    std::string text(buf, end.ptr);
    // Go writes e-7 where C++ writes e-07.
    if (size_t n = text.size(); !plain && n > 4 && text[n - 4] == 'e' && text[n - 2] == '0') {
      text.erase(n - 2, 1);
    }
    out_ += text;
  }

  void write_string(std::string_view text) {
    out_ += '"';
    while (!text.empty()) {
      size_t n = 0;
      while (n < text.size() && stands_for_itself(text[n])) ++n;
      out_.append(text.substr(0, n));
      text.remove_prefix(n);
      if (!text.empty()) text.remove_prefix(write_special(text));
    }
    out_ += '"';
  }

  bool stands_for_itself(char c) const {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x80 || c == '"' || c == '\\') return false;
    return html_ == Html::kPlain || (c != '<' && c != '>' && c != '&');
  }

  // Writes the character at the front of `text`; returns how many bytes it took.
  size_t write_special(std::string_view text) {
    const auto byte = static_cast<unsigned char>(text[0]);
    if (byte >= 0x80) return write_multibyte(text);
    switch (text[0]) {
      case '"':
        out_ += "\\\"";
        break;
      case '\\':
        out_ += "\\\\";
        break;
      case '\b':
        out_ += "\\b";
        break;
      case '\f':
        out_ += "\\f";
        break;
      case '\n':
        out_ += "\\n";
        break;
      case '\r':
        out_ += "\\r";
        break;
      case '\t':
        out_ += "\\t";
        break;
      default:
        out_ += "\\u00";
        out_ += kHexDigits[byte >> 4U];
        out_ += kHexDigits[byte & 15U];
    }
    return 1;
  }

  // Bytes that are no UTF-8 become U+FFFD: the document must stay valid. The two Unicode
  // line ends are escaped, as Go does, for JavaScript's sake.
  size_t write_multibyte(std::string_view text) {
    const size_t length = utf8_length(text);
    const std::string_view character = text.substr(0, length);
    if (length == 0) {
      out_ += "\\ufffd";
      return 1;
    }
    if (character == "\u2028") {
      out_ += "\\u2028";
    } else if (character == "\u2029") {
      out_ += "\\u2029";
    } else {
      out_ += character;
    }
    return length;
  }

  std::string out_;
  Html html_;
  int indent_;
  size_t depth_ = 0;
};

}  // namespace

std::string Value::dump(Html html) const {
  Writer writer(html, 0);
  writer.write(*this);
  return writer.take();
}

std::string Value::pretty(int indent) const {
  Writer writer(Html::kPlain, indent);
  writer.write(*this);
  return writer.take();
}

}  // namespace skiff::json
