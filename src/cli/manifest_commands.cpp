// manifest create, inspect, annotate, push, rm: indexes put together by hand.
#include <array>

#include "base/strings.h"
#include "cli/manifest_lists.h"
#include "cli/option_values.h"
#include "cli/registry_documents.h"
#include "codec/base64.h"
#include "oci/manifest.h"

namespace skiff::cli {

namespace {

using enum FlagKind;

Result<oci::Reference> parse_name(const std::string& text, std::string_view what) {
  auto name = oci::Reference::parse(text);
  if (!name) return std::move(name.error()).with_context(cat("error parsing name for ", what));
  return name->with_default_tag();
}

Result<ManifestList> list_of(const std::string& text) {
  auto list = TRY(load_list(TRY(parse_name(text, "manifest list"))));
  if (list) return *std::move(list);
  return Error(Code::kNotFound, cat("No such manifest: ", text));
}

Insecure insecure_of(const Flags& flags) {
  return flags.on("insecure") ? Insecure::kYes : Insecure::kNo;
}

// In Docker's words for what is not there.
Result<RegistryDocument> fetch_known(Session& session, const oci::Reference& name,
                                     const std::string& text, Insecure insecure) {
  auto document = fetch_document(session, name, insecure);
  if (document) return document;
  if (document.error().code() == Code::kNotFound) {
    return Error(Code::kNotFound, cat("no such manifest: ", text));
  }
  return std::move(document.error()).with_context(text);
}

// Indented by tabs, as Docker prints documents of others.
std::string tabbed(const json::Value& document) {
  std::string out;
  for (const std::string& line : split(document.pretty(1), '\n')) {
    const size_t depth = std::min(line.find_first_not_of(' '), line.size());
    out += cat(std::string(depth, '\t'), line.substr(depth), "\n");
  }
  return out;
}

constexpr FlagSpec kCreateListFlags[] = {
    {"amend", 'a', kBool, "Amend an existing manifest list"},
    {"insecure", 0, kBool, "Allow communication with an insecure registry"},
};

Outcome create_list(Session& session, Flags& flags) {
  const oci::Reference name = TRY(parse_name(flags.args[0], "manifest list"));
  auto before = TRY(load_list(name));
  if (before && !flags.on("amend")) {
    return Error(Code::kAlreadyExists,
                 "refusing to amend an existing manifest list with no --amend flag");
  }
  ManifestList list = before ? *std::move(before) : ManifestList{.name = name, .manifests = {}};
  for (size_t i = 1; i < flags.args.size(); ++i) {
    const oci::Reference member = TRY(parse_name(flags.args[i], "manifest"));
    const RegistryDocument document =
        TRY(fetch_known(session, member, flags.args[i], insecure_of(flags)));
    if (document.is_index()) {
      return Error(Code::kInvalidArgument, cat(flags.args[i], " is a manifest list"));
    }
    ListedManifest* known = list.find(member);
    if (known == nullptr) known = &list.manifests.emplace_back();
    *known = {.name = member, .descriptor = document.descriptor, .raw = document.raw};
  }
  TRY(save_list(list));
  print(cat("Created manifest list ", name.str(), "\n"));
  return 0;
}

constexpr FlagSpec kAnnotateFlags[] = {
    {"arch", 0, kString, "Set architecture"},
    {"os", 0, kString, "Set operating system"},
    {"os-features", 0, kList, "Set operating system feature", "strings"},
    {"os-version", 0, kString, "Set operating system version"},
    {"variant", 0, kString, "Set architecture variant"},
};

// Those that there are programs for.
constexpr std::array kPlatforms = {
    "darwin/386",    "darwin/amd64",  "darwin/arm",    "darwin/arm64",  "dragonfly/amd64",
    "freebsd/386",   "freebsd/amd64", "freebsd/arm",   "linux/386",     "linux/amd64",
    "linux/arm",     "linux/arm64",   "linux/loong64", "linux/mips64",  "linux/mips64le",
    "linux/ppc64le", "linux/riscv64", "linux/s390x",   "netbsd/386",    "netbsd/amd64",
    "netbsd/arm",    "openbsd/386",   "openbsd/amd64", "openbsd/arm",   "plan9/386",
    "plan9/amd64",   "solaris/amd64", "windows/386",   "windows/amd64", "windows/arm",
    "windows/arm64"};

Outcome annotate_manifest(Session& /*session*/, Flags& flags) {
  ManifestList list = TRY(list_of(flags.args[0]));
  ListedManifest* manifest = list.find(TRY(parse_name(flags.args[1], "manifest")));
  if (manifest == nullptr) {
    return Error(Code::kNotFound,
                 cat("manifest for image ", flags.args[1], " does not exist in ", flags.args[0]));
  }
  const json::Value* old = manifest->descriptor.find("platform");
  json::Value platform = old != nullptr ? *old : json::object();
  constexpr std::pair<std::string_view, std::string_view> kTexts[] = {
      {"arch", "architecture"}, {"os", "os"}, {"os-version", "os.version"}, {"variant", "variant"}};
  for (const auto& [flag, member] : kTexts) {
    if (flags.has(flag)) platform.set(member, flags.get(flag));
  }
  std::vector<std::string> features;
  for (const std::string& words : flags.all("os-features")) {
    for (std::string& word : TRY(split_fields("--os-features", words)))
      features.push_back(std::move(word));
  }
  if (!features.empty()) platform.set("os.features", features);
  const std::string both = cat(platform.string("os"), "/", platform.string("architecture"));
  if (std::ranges::find(kPlatforms, both) == kPlatforms.end()) {
    return Error(Code::kInvalidArgument,
                 cat("manifest entry for image has unsupported os/arch combination: ", both));
  }
  manifest->descriptor.set("platform", std::move(platform));
  TRY(save_list(list));
  return 0;
}

constexpr FlagSpec kPushListFlags[] = {
    {"insecure", 0, kBool, "Allow push to an insecure registry"},
    {"purge", 'p', kBool, "Remove the local manifest list after push"},
};

Outcome push_list(Session& session, Flags& flags) {
  const ManifestList list = TRY(list_of(flags.args[0]));
  std::map<std::string, oci::Reference> sources;
  for (const ListedManifest& manifest : list.manifests) {
    sources[manifest.descriptor.string("digest")] = manifest.name;
  }
  print(cat(TRY(push_document(session, list.name, list.media_type(), list.document(), sources,
                              insecure_of(flags))),
            "\n"));
  if (flags.on("purge")) TRY(remove_list(list.name));
  return 0;
}

Outcome remove_lists(Session& /*session*/, Flags& flags) {
  return for_each_argument(flags, [](const std::string& text) -> Result<std::string> {
    if (TRY(remove_list(TRY(parse_name(text, "manifest list"))))) return std::string();
    return Error(Code::kNotFound, cat("No such manifest: ", text));
  });
}

constexpr FlagSpec kInspectManifestFlags[] = {
    {"insecure", 0, kBool, "Allow communication with an insecure registry"},
    {"verbose", 'v', kBool, "Output additional info including layers and platform"},
};

// As --verbose shows a manifest.
json::Value detailed(const std::string& shown_name, const json::Value& descriptor,
                     const std::string& raw) {
  json::Value out =
      json::object({{"Ref", shown_name}, {"Descriptor", descriptor}, {"Raw", base64_encode(raw)}});
  auto document = json::parse(raw);
  const bool is_dockers = descriptor.string("mediaType") == oci::kDockerManifest;
  if (document) out.set(is_dockers ? "SchemaV2Manifest" : "OCIManifest", *std::move(document));
  return out;
}

Result<> print_manifest(const std::string& shown_name, const json::Value& descriptor,
                        const std::string& raw, bool verbose) {
  if (verbose) {
    print(tabbed(detailed(shown_name, descriptor, raw)));
  } else {
    print(tabbed(TRY(json::parse(raw))));
  }
  return {};
}

// An index of a registry, with the manifests it names where much is asked for.
Result<> print_index(Session& session, const oci::Reference& name, const std::string& raw,
                     const Flags& flags) {
  const json::Value index = TRY(json::parse(raw));
  if (!flags.on("verbose")) {
    constexpr int kIndent = 3;
    print(cat(index.pretty(kIndent), "\n"));
    return {};
  }
  json::Array out;
  for (const json::Value& entry : index.array("manifests")) {
    const auto digest = TRY(oci::Digest::parse(entry.string("digest")));
    const oci::Reference member = name.with_digest(digest);
    const auto document = TRY(fetch_document(session, member, insecure_of(flags)));
    out.push_back(detailed(member.str(), entry, document.raw));
  }
  print(tabbed(json::Value(std::move(out))));
  return {};
}

Result<> print_list(const ManifestList& list, bool verbose) {
  if (!verbose) {
    print(cat(list.document(), "\n"));
    return {};
  }
  json::Array out;
  for (const ListedManifest& manifest : list.manifests) {
    out.push_back(detailed(manifest.name.str(), manifest.descriptor, manifest.raw));
  }
  print(tabbed(json::Value(std::move(out))));
  return {};
}

Outcome inspect_manifest(Session& session, Flags& flags) {
  const bool verbose = flags.on("verbose");
  const std::string& text = flags.args.back();
  const oci::Reference name = TRY(parse_name(text, "manifest"));
  if (flags.args.size() == 2) {
    ManifestList list = TRY(list_of(flags.args[0]));
    if (const ListedManifest* member = list.find(name)) {
      TRY(print_manifest(member->name.str(), member->descriptor, member->raw, verbose));
      return 0;
    }
    return Error(Code::kNotFound, cat("No such manifest: ", text));
  }
  if (const auto list = TRY(load_list(name))) {
    TRY(print_list(*list, verbose));
    return 0;
  }
  const RegistryDocument document = TRY(fetch_known(session, name, text, insecure_of(flags)));
  if (document.is_index()) {
    TRY(print_index(session, name, document.raw, flags));
  } else {
    TRY(print_manifest(name.str(), document.descriptor, document.raw, verbose));
  }
  return 0;
}

constexpr Command kManifestCommands[] = {
    {.name = "manifest create",
     .usage = "MANIFEST_LIST MANIFEST [MANIFEST...]",
     .summary = "Create a local manifest list for annotating and pushing to a registry",
     .flags = kCreateListFlags,
     .run = create_list,
     .min_args = 2},
    {.name = "manifest inspect",
     .usage = "[MANIFEST_LIST] MANIFEST",
     .summary = "Display an image manifest, or manifest list",
     .flags = kInspectManifestFlags,
     .run = inspect_manifest,
     .min_args = 1,
     .max_args = 2},
    {.name = "manifest annotate",
     .usage = "MANIFEST_LIST MANIFEST",
     .summary = "Add additional information to a local image manifest",
     .flags = kAnnotateFlags,
     .run = annotate_manifest,
     .min_args = 2,
     .max_args = 2},
    {.name = "manifest push",
     .usage = "MANIFEST_LIST",
     .summary = "Push a manifest list to a repository",
     .flags = kPushListFlags,
     .run = push_list,
     .min_args = 1,
     .max_args = 1},
    {.name = "manifest rm",
     .usage = "MANIFEST_LIST [MANIFEST_LIST...]",
     .summary = "Delete one or more manifest lists from local storage",
     .flags = {},
     .run = remove_lists,
     .min_args = 1},
};

}  // namespace

std::span<const Command> manifest_commands() { return kManifestCommands; }

}  // namespace skiff::cli
