#include "codec/compress_words.h"

#include <climits>

#include "base/strings.h"
#include "base/truth.h"

namespace skiff {

namespace {

Error bad_word(const std::string& name, const std::string& value, std::string_view reason) {
  return {Code::kInvalidArgument, cat(name, "=", value, ": ", reason)};
}

Result<> read_word(const std::string& name, const std::string& value, CompressWords& out) {
  static const std::map<std::string, Compression, std::less<>> kFormats = {
      {"gzip", Compression::kGzip},
      {"zstd", Compression::kZstd},
      {"uncompressed", Compression::kNone}};
  if (!is_compress_word(name)) return {};
  const CompressForm before = out.form.value_or(CompressForm());
  if (name == "compression") {
    const auto format = kFormats.find(value);
    if (format == kFormats.end()) return bad_word(name, value, "it is gzip, zstd or uncompressed");
    out.form = CompressForm{.compression = format->second, .level = before.level};
  } else if (name == "compression-level") {
    const auto level = parse_int(value);
    if (!level || *level < INT_MIN || *level > INT_MAX) {
      return bad_word(name, value, "it is a number");
    }
    out.form = CompressForm{.compression = before.compression, .level = static_cast<int>(*level)};
  } else {
    // BuildKit's clients say "force-compression" for "force-compression=true".
    const auto force = value.empty() ? true : parse_bool(value);
    if (!force) return bad_word(name, value, "it is true or false");
    out.force = *force;
  }
  return {};
}

}  // namespace

bool is_compress_word(const std::string& name) {
  return name == "compression" || name == "compression-level" || name == "force-compression";
}

Result<CompressWords> read_compress_words(const std::map<std::string, std::string>& attributes) {
  CompressWords out;
  for (const auto& [name, value] : attributes) TRY(read_word(name, value, out));
  if (out.form) TRY(check_form(*out.form));
  return out;
}

}  // namespace skiff
