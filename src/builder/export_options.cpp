#include "builder/export_options.h"

#include "base/strings.h"
#include "base/truth.h"
#include "builder/offline_plan.h"
#include "builder/source_epoch.h"
#include "codec/compress_words.h"

namespace skiff::builder {

namespace {

struct TypeName {
  std::string_view word;
  OutputType type;
};
// The first word of a type is its name.
constexpr TypeName kTypes[] = {{"image", OutputType::kImage},   {"local", OutputType::kLocal},
                               {"tar", OutputType::kTar},       {"oci", OutputType::kOci},
                               {"docker", OutputType::kDocker}, {"cacheonly", OutputType::kNone},
                               {"none", OutputType::kNone},     {"moby", OutputType::kImage},
                               {"registry", OutputType::kImage}};

constexpr unsigned bit(OutputType type) { return 1U << static_cast<unsigned>(type); }
constexpr unsigned kFiles = bit(OutputType::kLocal) | bit(OutputType::kTar);
constexpr unsigned kArchives = bit(OutputType::kOci) | bit(OutputType::kDocker);
constexpr unsigned kImages = kArchives | bit(OutputType::kImage);
constexpr unsigned kAny = kImages | kFiles | bit(OutputType::kNone);

using Attribute = std::pair<const std::string, std::string>;

Error bad_attribute(const Output& output, const Attribute& attribute, std::string_view reason) {
  return {Code::kInvalidArgument, cat("output type=", name_of(output.type), ": ", attribute.first,
                                      "=", attribute.second, ": ", reason)};
}

// Reads the attributes of one output into its options.
class Reader {
 public:
  Reader(const Output& output, ExportOptions& options) : output_(output), options_(options) {}

  Result<> read(const Attribute& attribute);

 private:
  struct Known {
    std::string_view name;
    unsigned types;
    Result<> (Reader::*read)(const Attribute&);  // null: changes nothing here
  };

  Result<> names(const Attribute& attribute) {
    options_.names.clear();
    for (const std::string& text : split(attribute.second, ',')) {
      if (trim(text).empty()) continue;
      auto name = oci::Reference::parse(trim(text));
      if (!name) return bad_attribute(output_, attribute, name.error().message());
      options_.names.push_back(std::move(*name));
    }
    return {};
  }
  template <bool ExportOptions::* kMember>
  Result<> truth(const Attribute& attribute) {
    // BuildKit's clients say "push" for "push=true".
    const auto value = attribute.second.empty() ? true : parse_bool(attribute.second);
    if (!value) return bad_attribute(output_, attribute, "it is true or false");
    options_.*kMember = *value;
    return {};
  }
  Result<> ignored_truth(const Attribute& attribute) {
    if (attribute.second.empty() || parse_bool(attribute.second)) return {};
    return bad_attribute(output_, attribute, "it is true or false");
  }

  Result<> oci_words(const Attribute& attribute) {
    const auto value = parse_bool(attribute.second);
    if (!value) return bad_attribute(output_, attribute, "it is true or false");
    options_.in_dockers_words = !*value;
    return {};
  }
  Result<> epoch(const Attribute& attribute) {
    const auto time = parse_epoch(attribute.second);
    if (!time) return bad_attribute(output_, attribute, time.error().message());
    options_.epoch = *time;
    return {};
  }
  Result<> prefix(const Attribute& attribute) {
    if (attribute.second.contains('/')) {
      return bad_attribute(output_, attribute, "it is the beginning of a file's name");
    }
    options_.attestation_prefix = attribute.second;
    return {};
  }
  Result<> platform_split(const Attribute& attribute) {
    options_.platform_split = parse_bool(attribute.second);
    if (options_.platform_split) return {};
    return bad_attribute(output_, attribute, "it is true or false");
  }
  // "annotation[-manifest|-index|-manifest-descriptor|-index-descriptor][[PLATFORM]].KEY"
  Result<> annotation(const Attribute& attribute) {
    std::string_view rest = attribute.first;
    const size_t kind_end = rest.find_first_of("[.");
    const std::string kind(rest.substr(0, kind_end));
    rest.remove_prefix(std::min(kind_end, rest.size()));
    Annotation one{.key = {}, .value = attribute.second, .platform = {}};
    if (rest.starts_with("[")) {
      const size_t end = rest.find(']');
      const auto platform = oci::Platform::parse(rest.substr(1, end == rest.npos ? end : end - 1));
      if (end == rest.npos || !platform) return bad_attribute(output_, attribute, "bad platform");
      one.platform = *platform;
      rest.remove_prefix(end + 1);
    }
    const bool is_known = kind == "annotation" || kind == "annotation-manifest" ||
                          kind == "annotation-index" || kind == "annotation-manifest-descriptor" ||
                          kind == "annotation-index-descriptor";
    if (!is_known || rest.size() < 2 || rest[0] != '.') {
      return bad_attribute(output_, attribute, "unknown attribute");
    }
    if ((bit(output_.type) & kImages) == 0) {
      return bad_attribute(output_, attribute, "this type has no such attribute");
    }
    one.key = rest.substr(1);
    if (kind == "annotation-index") {
      options_.index_annotations[one.key] = one.value;
    } else if (kind == "annotation-index-descriptor") {
      options_.index_descriptor_annotations[one.key] = one.value;
    } else if (kind == "annotation-manifest-descriptor") {
      options_.descriptor_annotations.push_back(std::move(one));
    } else {
      options_.manifest_annotations.push_back(std::move(one));
    }
    return {};
  }

  static const Known kKnown[];
  const Output& output_;
  ExportOptions& options_;
};

constexpr Reader::Known Reader::kKnown[] = {
    {"name", kImages, &Reader::names},
    {"push", bit(OutputType::kImage), &Reader::truth<&ExportOptions::push>},
    {"push-by-digest", bit(OutputType::kImage), &Reader::truth<&ExportOptions::push_by_digest>},
    {"registry.insecure", bit(OutputType::kImage), &Reader::truth<&ExportOptions::insecure>},
    {"store", bit(OutputType::kImage), &Reader::truth<&ExportOptions::store>},
    {"load", bit(OutputType::kImage), &Reader::ignored_truth},  // compose's; the store has it
    {"compression", kImages, nullptr},                          // read_compress_words()
    {"compression-level", kImages, nullptr},
    {"force-compression", kImages, nullptr},
    {"oci-mediatypes", kImages, &Reader::oci_words},
    {"rewrite-timestamp", kAny, &Reader::truth<&ExportOptions::rewrite_timestamps>},
    {"source-date-epoch", kAny, &Reader::epoch},
    {"oci-artifact", kImages, &Reader::truth<&ExportOptions::oci_artifact>},
    {"attestation-inline", kImages, &Reader::truth<&ExportOptions::attestation_inline>},
    {"inline-cache", kImages, &Reader::ignored_truth},           // wants_inline_cache()
    {"prefer-nondist-layers", kImages, &Reader::ignored_truth},  // a base's types stay as they are
    {"buildinfo", kImages, &Reader::ignored_truth},              // BuildKit writes none any more
    {"buildinfo-attrs", kImages, &Reader::ignored_truth},
    {"attestation-prefix", kFiles, &Reader::prefix},
    {"platform-split", kFiles, &Reader::platform_split},
    {"unpack", kImages, &Reader::ignored_truth},  // layers are unpacked when they are first needed
    {"dangling-name-prefix", kImages, nullptr},
    {"name-canonical", kImages, &Reader::ignored_truth},         // pushed images have it always
    {"context", kArchives, nullptr},                             // of the client
    {"dest", kAny, nullptr},                                     // of the client
    {"tar", kArchives, &Reader::ignored_truth},                  // of the client
    {"prefer-image-digest", kArchives, &Reader::ignored_truth},  // of the client: what id it tells
};

Result<> Reader::read(const Attribute& attribute) {
  for (const Known& known : kKnown) {
    if (known.name != attribute.first) continue;
    if ((known.types & bit(output_.type)) == 0) {
      return bad_attribute(output_, attribute, "this type has no such attribute");
    }
    return known.read == nullptr ? Result<>() : (this->*known.read)(attribute);
  }
  if (attribute.first.starts_with("annotation")) return annotation(attribute);
  return bad_attribute(output_, attribute, "unknown attribute");
}

}  // namespace

std::optional<OutputType> parse_output_type(std::string_view word) {
  for (const auto& [known, type] : kTypes) {
    if (known == word) return type;
  }
  return std::nullopt;
}

std::string_view name_of(OutputType type) {
  for (const auto& [word, known] : kTypes) {
    if (known == type) return word;
  }
  return "";
}

Result<ExportOptions> parse_export(const Output& output, const BuildRequest& request) {
  ExportOptions options;
  options.names = request.tags;
  options.epoch = TRY(epoch_of(request));
  Reader reader(output, options);
  for (const auto& attribute : output.attributes) TRY(reader.read(attribute));
  const CompressWords words = TRY_CONTEXT(read_compress_words(output.attributes),
                                          cat("output type=", name_of(output.type)));
  options.compression = words.form;
  options.force_compression = words.force;
  for (oci::Reference& name : options.names) {
    if (!options.push_by_digest) {
      name = name.with_default_tag();
    } else if (!name.tag().empty()) {
      return Error(Code::kInvalidArgument,
                   cat("output push-by-digest=true: ", name.familiar(),
                       " has a tag: what is pushed by its digest has none"));
    }
  }
  if ((options.push || options.push_by_digest) && options.names.empty()) {
    return Error(Code::kInvalidArgument, "output push=true: a name to push to is needed");
  }
  options.attestations = request.attestations;
  if (options.attestation_inline && request.attestations.inline_provenance) {
    options.attestations.provenance = true;
  }
  const bool has_index = platforms_of(request).size() > 1 || options.attestations.any();
  if (!has_index &&
      (!options.index_annotations.empty() || !options.index_descriptor_annotations.empty())) {
    return Error(Code::kInvalidArgument,
                 "index annotations not supported for single platform export");
  }
  options.push |= options.push_by_digest;
  options.packs = options.push || (bit(output.type) & kArchives) != 0 ||
                  (options.epoch && (bit(output.type) & kImages) != 0);
  const bool needs_file = (bit(output.type) & (kArchives | bit(OutputType::kTar))) != 0;
  const bool takes_blobs = (bit(output.type) & kArchives) != 0 && output.blobs != nullptr;
  if (needs_file && output.file == nullptr && !takes_blobs) {
    return Error(Code::kInvalidArgument,
                 cat("output type=", name_of(output.type), ": nobody takes its bytes"));
  }
  if (output.type == OutputType::kLocal && output.file == nullptr && output.trees == nullptr) {
    return Error(Code::kInvalidArgument, "output type=local: nobody takes its files");
  }
  return options;
}

}  // namespace skiff::builder
