// By hand, since each request pays for it.
#include <array>
#include <charconv>

#include "registry/access_log.h"

namespace skiff::registry {

namespace {

constexpr size_t kLongest = 512;  // bytes of one text

// The length of the UTF-8 character that `text` begins with; 0 where there is none.
size_t character_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t length = first < 0x80   ? 1
                        : first < 0xC2 ? 0
                        : first < 0xE0 ? 2
                        : first < 0xF0 ? 3
                                       : 4;
  if (length == 0 || first > 0xF4 || length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  // Of those too long, surrogates and what is beyond Unicode the second byte tells.
  if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F)) return 0;
  if ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) return 0;
  return length;
}

void append_escaped(std::string& out, unsigned char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out.append("\\u00");
  out.push_back(kDigits[c >> 4U]);
  out.push_back(kDigits[c & 15U]);
}

void append_text(std::string& out, std::string_view text) {
  out.push_back('"');
  const bool cut = text.size() > kLongest;
  if (cut) text = text.substr(0, kLongest);
  while (!text.empty()) {
    const size_t length = character_length(text);
    const auto c = static_cast<unsigned char>(text[0]);
    if (length == 0) {
      if (cut && text.size() < 4) break;  // the character that was cut
      out.append("\\ufffd");
    } else if (c < 0x20 || c == 0x7F) {
      append_escaped(out, c);
    } else {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.append(text.substr(0, length));
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  out.append(cut ? "…\"" : "\"");
}

void append_number(std::string& out, int64_t n) {
  std::array<char, 24> digits{};
  out.append(digits.data(), std::to_chars(digits.begin(), digits.end(), n).ptr);
}

// "2026-11-28T10:00:00.000123Z"; most lines are of the second of the one before.
void append_time(std::string& out, TimePoint now) {
  static thread_local TimePoint second;
  static thread_local std::string text;
  const auto whole = std::chrono::floor<std::chrono::seconds>(now);
  if (text.empty() || second != whole) {
    second = whole;
    text = format_rfc3339(whole);
    text.back() = '.';
  }
  out.append(text);
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now - whole).count();
  std::array<char, 8> digits{};
  // Seven digits, of which the first is cut.
  std::to_chars(digits.begin(), digits.end(), 1'000'000 + micros);
  out.append(digits.data() + 1, 6).push_back('Z');
}

std::string_view kind_name(Viewer::Kind kind) {
  switch (kind) {
    case Viewer::Kind::kUser:
      return "user";
    case Viewer::Kind::kRobot:
      return "robot";
    default:
      return "anonymous";
  }
}

}  // namespace

std::string access_line(const RequestRecord& record, TimePoint now) {
  std::string out;
  out.reserve(kLongest);
  const auto text = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out.append(",\"").append(name).append("\":");
    append_text(out, value);
  };
  const auto number = [&](std::string_view name, int64_t value) {
    out.append(",\"").append(name).append("\":");
    append_number(out, value);
  };
  out.append("{\"time\":\"");
  append_time(out, now);
  out.push_back('"');
  text("id", record.id);
  text("address", record.address);
  text("kind", kind_name(record.viewer.kind));
  text("user", record.viewer.name);
  text("token", record.viewer.token);
  text("method", record.method);
  text("path", record.path);
  text("endpoint", record.endpoint);
  text("repository", record.repository);
  text("reference", record.reference);
  number("status", record.status);
  text("error", record.error);
  number("received", static_cast<int64_t>(record.received));
  number("sent", static_cast<int64_t>(record.sent));
  number("micros", std::chrono::duration_cast<std::chrono::microseconds>(record.duration).count());
  if (record.broken) out.append(",\"broken\":true");
  if (record.tls) out.append(",\"tls\":true");
  text("agent", record.user_agent);
  return out.append("}\n");
}

}  // namespace skiff::registry
