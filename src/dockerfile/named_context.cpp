#include "dockerfile/named_context.h"

#include "base/strings.h"
#include "oci/reference.h"

namespace skiff::dockerfile {

namespace {

constexpr std::string_view kOfPlatform = "::";

Result<std::string> image_name(std::string_view text) {
  auto reference = oci::Reference::parse(text);
  if (!reference) {
    return Error(Code::kInvalidArgument, cat("invalid context name ", skiff::quoted(text), ": ",
                                             reference.error().message()));
  }
  std::string name = reference->familiar();
  constexpr std::string_view kLatest = ":latest";
  if (name.ends_with(kLatest)) name.resize(name.size() - kLatest.size());
  return name;
}

}  // namespace

Result<std::string> normal_context_name(std::string_view name) {
  const size_t at = name.find(kOfPlatform);
  if (at == std::string_view::npos) return image_name(name);
  const auto platform = TRY_CONTEXT(
      oci::Platform::parse(std::string(name.substr(at + kOfPlatform.size()))), "context name");
  return cat(TRY(image_name(name.substr(0, at))), kOfPlatform, platform.normalized().str());
}

std::optional<std::string> find_context(const NamedContexts& contexts, const std::string& name,
                                        const oci::Platform& platform) {
  if (contexts.empty()) return std::nullopt;
  const auto normal = image_name(name);
  if (!normal) return std::nullopt;
  for (std::string key : {cat(*normal, kOfPlatform, platform.normalized().str()), *normal}) {
    if (contexts.contains(key)) return key;
  }
  return std::nullopt;
}

}  // namespace skiff::dockerfile
