#include "cli/image_annotation.h"

#include "base/strings.h"
#include "cli/session.h"

namespace skiff::cli {

namespace {

// "manifest-descriptor[linux/arm64]".
Result<> read_kind(std::string_view kind, const std::string& text, ImageAnnotation& out) {
  const auto parts = split_once(kind, '[');
  const std::string_view name = parts ? parts->first : kind;
  out.of_descriptors = name == "manifest-descriptor";
  if (!out.of_descriptors && (name != "index" || parts)) {
    return bad_flag("--annotation", text,
                    "it may be of the index (\"index:\") or of its entries "
                    "(\"manifest-descriptor:\", \"manifest-descriptor[PLATFORM]:\")");
  }
  if (!parts) return {};
  if (!parts->second.ends_with(']')) return bad_flag("--annotation", text, "a ] is missing");
  out.platform = TRY(oci::Platform::parse(parts->second.substr(0, parts->second.size() - 1)));
  return {};
}

}  // namespace

bool ImageAnnotation::applies_to(const json::Value& descriptor) const {
  if (!of_descriptors) return false;
  if (!platform) return true;
  const json::Value* own = descriptor.find("platform");
  return own != nullptr && oci::Platform::from_json(*own).normalized() == platform->normalized();
}

Result<ImageAnnotation> parse_annotation(const std::string& text) {
  const auto pair = split_once(text, '=');
  if (!pair) return bad_flag("--annotation", text, "it is KEY=VALUE");
  ImageAnnotation out;
  out.key = pair->first;
  out.value = pair->second;
  if (const auto kind = split_once(pair->first, ':')) {
    TRY(read_kind(kind->first, text, out));
    out.key = kind->second;
  }
  if (out.key.empty()) return bad_flag("--annotation", text, "its key is empty");
  return out;
}

}  // namespace skiff::cli
