// imagetools create, inspect: images in registries, as `docker buildx imagetools` has them.
#include <algorithm>

#include "base/strings.h"
#include "cli/image_annotation.h"
#include "cli/imagetools_format.h"
#include "cli/registry_documents.h"
#include "oci/manifest.h"
#include "oci/platform.h"

namespace skiff::cli {

namespace {

using enum FlagKind;

Result<oci::Reference> parse_name(const std::string& text) {
  auto name = oci::Reference::parse(text);
  if (!name) return std::move(name.error()).with_context(text);
  return name->with_default_tag();
}

constexpr FlagSpec kCreateRemoteFlags[] = {
    {"annotation", 0, kList, "Add annotation to the image", "stringArray"},
    {"append", 0, kBool, "Append to existing manifest"},
    {"dry-run", 0, kBool, "Show final image instead of pushing"},
    {"file", 'f', kList, "Read source descriptor from file", "stringArray"},
    {"platform", 'p', kList, "Filter specified platforms of target image", "stringArray"},
    {"prefer-index", 0, kBool,
     "When only a single source is specified, prefer an index to a copy of its manifest (default "
     "true)"},
    {"progress", 0, kString, "Accepted, changes nothing"},
    {"tag", 't', kList, "Set reference for new image", "stringArray"},
};

void annotate(json::Value& entry, const ImageAnnotation& given) {
  const json::Value* there = entry.find("annotations");
  json::Value annotations = there != nullptr ? *there : json::object();
  annotations.set(given.key, given.value);
  entry.set("annotations", std::move(annotations));
  entry = in_gos_order(entry);
}

// What `imagetools create` puts together.
class Combined {
 public:
  explicit Combined(Session& session, const Flags& flags) : session_(session), flags_(flags) {}

  Result<> add(const oci::Reference& from) {
    RegistryDocument document = TRY(fetch_known(session_, from));
    const std::string digest = document.descriptor.string("digest");
    sources_[digest] = from;
    if (document.is_index()) {
      const json::Value index = TRY(json::parse(document.raw));
      for (const json::Value& entry : index.array("manifests")) add_entry(entry, from);
    } else {
      add_entry(document.descriptor, from);
    }
    only_ = count_++ == 0 ? std::optional(std::move(document)) : std::nullopt;
    return {};
  }

  // A descriptor, of which one of the tags' repositories has the manifest.
  void add_descriptor(const json::Value& descriptor, const oci::Reference& repository) {
    add_entry(descriptor, repository);
    ++count_;
    only_.reset();
  }

  Result<> finish() {
    TRY(keep_platforms());
    const bool copies = only_ && flags_.all("platform").empty() &&
                        flags_.all("annotation").empty() &&
                        (only_->is_index() || !flags_.on("prefer-index", true));
    if (copies) {
      media_type_ = only_->media_type();
      raw_ = only_->raw;
      return {};
    }
    return make_index();
  }

  const std::string& raw() const { return raw_; }
  const std::string& media_type() const { return media_type_; }
  const std::map<std::string, oci::Reference>& sources() const { return sources_; }

 private:
  void add_entry(const json::Value& descriptor, const oci::Reference& from) {
    const std::string digest = descriptor.string("digest");
    sources_[digest] = from;
    const auto same = [&](const json::Value& entry) { return entry.string("digest") == digest; };
    const auto found = std::ranges::find_if(entries_, same);
    if (found == entries_.end()) {
      entries_.push_back(in_gos_order(descriptor));
    } else {
      *found = in_gos_order(descriptor);
    }
  }

  Result<> keep_platforms() {
    std::vector<oci::Platform> wanted;
    for (const std::string& words : flags_.all("platform")) {
      for (const std::string& word : split(words, ',')) {
        wanted.push_back(TRY(oci::Platform::parse(trim(word))).normalized());
      }
    }
    if (wanted.empty()) return {};
    std::erase_if(entries_, [&](const json::Value& entry) {
      const json::Value* platform = entry.find("platform");
      return platform == nullptr ||
             std::ranges::find(wanted, oci::Platform::from_json(*platform).normalized()) ==
                 wanted.end();
    });
    if (!entries_.empty()) return {};
    return Error(Code::kNotFound, "no source has one of the platforms");
  }

  Result<> make_index() {
    const auto is_dockers = [](const json::Value& entry) {
      return entry.string("mediaType") == oci::kDockerManifest;
    };
    json::Object annotations;
    for (const std::string& text : flags_.all("annotation")) {
      const ImageAnnotation given = TRY(parse_annotation(text));
      if (!given.of_descriptors) annotations.set(given.key, given.value);
      for (json::Value& entry : entries_) {
        if (given.applies_to(entry)) annotate(entry, given);
      }
    }
    const bool all_dockers = annotations.empty() && std::ranges::all_of(entries_, is_dockers);
    media_type_ = all_dockers ? oci::kDockerManifestList : oci::kMediaTypeIndex;
    json::Value index = json::object({{"schemaVersion", 2}, {"mediaType", media_type_}});
    index.set("manifests", json::Array(entries_.begin(), entries_.end()));
    if (!annotations.empty()) index.set("annotations", json::Value(std::move(annotations)));
    raw_ = index.pretty(kBuildxIndent);
    return {};
  }

  Session& session_;
  const Flags& flags_;
  std::vector<json::Value> entries_;
  std::map<std::string, oci::Reference> sources_;  // by digest
  size_t count_ = 0;
  std::optional<RegistryDocument> only_;  // where there is one source
  std::string media_type_;
  std::string raw_;
};

Result<> add_sources(const Flags& flags, const std::vector<oci::Reference>& tags,
                     Combined& combined) {
  if (flags.on("append")) {
    if (tags.empty()) return Error(Code::kInvalidArgument, "append needs a tag: set --tag");
    TRY(combined.add(tags[0]));
  }
  for (const std::string& text : flags.args) {
    // A digest alone is in the repository of the first tag.
    const auto digest = oci::Digest::parse(text);
    const bool is_known = digest && !tags.empty();
    TRY(combined.add(is_known ? tags[0].with_digest(*digest) : TRY(parse_name(text))));
  }
  for (const std::string& file : flags.all("file")) {
    const std::string text = TRY(read_file(file));
    const json::Value descriptor = TRY_CONTEXT(json::parse(text), file);
    if (tags.empty()) return Error(Code::kInvalidArgument, "a descriptor needs a tag: set --tag");
    TRY_CONTEXT(descriptor.require_string("digest"), file);
    combined.add_descriptor(descriptor, tags[0]);
  }
  return {};
}

Outcome create_remote(Session& session, Flags& flags) {
  std::vector<oci::Reference> tags;
  for (const std::string& text : flags.all("tag")) tags.push_back(TRY(parse_name(text)));
  const bool dry_run = flags.on("dry-run");
  if (flags.args.empty() && flags.all("file").empty()) {
    return Error(Code::kInvalidArgument, "no sources specified");
  }
  if (tags.empty() && !dry_run) {
    return Error(Code::kInvalidArgument,
                 "can't push with no tags specified, please set --tag or --dry-run");
  }
  Combined combined(session, flags);
  TRY(add_sources(flags, tags, combined));
  TRY(combined.finish());
  if (dry_run) {
    print(cat(combined.raw(), "\n"));
    return 0;
  }
  for (const oci::Reference& tag : tags) {
    const std::string digest = TRY_CONTEXT(
        push_document(session, tag, combined.media_type(), combined.raw(), combined.sources()),
        cat("push ", tag.familiar()));
    print_error(cat("pushed ", digest, " to ", tag.str(), "\n"));
  }
  return 0;
}

constexpr FlagSpec kInspectRemoteFlags[] = {
    {"format", 0, kString, "Format the output using the given Go template"},
    {"raw", 0, kBool, "Show original, unformatted JSON manifest"},
};

// Lines "LABEL: VALUE" whose values stand below one another.
using Lines = std::vector<std::pair<std::string, std::string>>;
size_t width_of(const Lines& lines) {
  size_t width = 0;
  for (const auto& [label, value] : lines) width = std::max(width, label.size() + 2);
  return width;
}
std::string aligned(const Lines& lines, size_t indent, size_t width) {
  std::string out;
  for (const auto& [label, value] : lines) {
    std::string start = label.empty() ? "" : label + ":";
    start.resize(width, ' ');
    out += cat(std::string(indent, ' '), start, value, "\n");
  }
  return out;
}

struct Entry {
  Lines lines;
  Lines annotations;
};

Entry entry_of(const std::string& name, const json::Value& descriptor) {
  Entry out;
  out.lines = {{"Name", cat(name, "@", descriptor.string("digest"))},
               {"MediaType", descriptor.string("mediaType")}};
  if (auto type = descriptor.string("artifactType"); !type.empty()) {
    out.lines.emplace_back("ArtifactType", type);
  }
  if (auto platform = platform_text(descriptor); !platform.empty()) {
    out.lines.emplace_back("Platform", platform);
  }
  if (const json::Value* platform = descriptor.find("platform")) {
    if (auto version = platform->string("os.version"); !version.empty()) {
      out.lines.emplace_back("OSVersion", version);
    }
    const auto features = platform->strings("os.features");
    if (!features.empty()) out.lines.emplace_back("OSFeatures", join(features, ", "));
  }
  for (const auto& [key, value] : descriptor.string_map("annotations")) {
    out.annotations.emplace_back(key, value);
  }
  if (!out.annotations.empty()) out.lines.emplace_back("Annotations", "");
  return out;
}

Result<std::string> shown(const oci::Reference& name, const RegistryDocument& document) {
  Lines head{{"Name", name.str()},
             {"MediaType", document.media_type()},
             {"Digest", document.descriptor.string("digest")}};
  if (!document.is_index()) return aligned(head, 0, width_of(head));
  head.emplace_back("", "");
  head.emplace_back("Manifests", "");
  std::string out = aligned(head, 0, width_of(head));
  const json::Value index = TRY(json::parse(document.raw));
  std::vector<Entry> entries;
  size_t width = 0;
  for (const json::Value& descriptor : index.array("manifests")) {
    entries.push_back(entry_of(name.str(), descriptor));
    width = std::max(width, width_of(entries.back().lines));
  }
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i > 0) out += aligned({{"", ""}}, 2, width);
    out += aligned(entries[i].lines, 2, width);
    out += aligned(entries[i].annotations, 4, width_of(entries[i].annotations));
  }
  return out;
}

Outcome inspect_remote(Session& session, Flags& flags) {
  const oci::Reference name = TRY(parse_name(flags.args[0]));
  const RegistryDocument document = TRY(fetch_known(session, name));
  if (flags.on("raw")) {
    print(document.raw);
  } else if (flags.has("format")) {
    print(TRY(formatted(session, name, document, flags.get("format"))));
  } else {
    print(TRY(shown(name, document)));
  }
  return 0;
}

constexpr Command kImagetoolsCommands[] = {
    {.name = "imagetools create",
     .usage = "[SOURCE...]",
     .summary = "Create a new image based on source images",
     .flags = kCreateRemoteFlags,
     .run = create_remote,
     .aliases = "buildx imagetools create"},
    {.name = "imagetools inspect",
     .usage = "NAME",
     .summary = "Show details of an image in the registry",
     .flags = kInspectRemoteFlags,
     .run = inspect_remote,
     .min_args = 1,
     .max_args = 1,
     .aliases = "buildx imagetools inspect"},
};

}  // namespace

std::span<const Command> imagetools_commands() { return kImagetoolsCommands; }

}  // namespace skiff::cli
