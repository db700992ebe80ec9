#include "builder/export.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "builder/export_tree.h"
#include "codec/tar.h"
#include "images/archive_format.h"
#include "snapshot/diff_source.h"

namespace skiff::builder {

namespace {

bool is_image(OutputType type) {
  return type == OutputType::kImage || type == OutputType::kOci || type == OutputType::kDocker;
}

}  // namespace

// The outputs of one build, on their way.
struct Exporter::Work {
  Site& site;
  const BuildRequest& request;
  images::ImageLease& lease;
  SharedSink& events;
  const CancelToken& cancel;
  const std::vector<PlatformImage>& built;
  Attester& attester;

  Result<> write(const Planned& planned, const ShapedImages& shaped);
  Result<> write_trees(const Planned& planned, const ShapedImages& shaped);
  Result<> write_layout(const Planned& planned, const oci::Descriptor& target,
                        images::ArchiveForm form);
  Result<> keep(const ExportOptions& options, const oci::Descriptor& target);
  Result<> push(const ExportOptions& options, const oci::Descriptor& target);
};

Result<> Exporter::Work::write(const Planned& planned, const ShapedImages& shaped) {
  const ExportOptions& options = planned.options;
  const oci::Descriptor& target = shaped.target;
  switch (planned.output.type) {
    case OutputType::kNone:
      return {};
    case OutputType::kLocal:
    case OutputType::kTar:
      return write_trees(planned, shaped);
    case OutputType::kOci:
      return write_layout(planned, target, images::ArchiveForm::kOci);
    case OutputType::kDocker:
      return write_layout(planned, target, images::ArchiveForm::kOciAndDocker);
    case OutputType::kImage:
      TRY(keep(options, target));
      return options.push ? push(options, target) : Result<>();
  }
  return {};
}

// As one tar, or its blobs one by one: who takes those names them himself.
Result<> Exporter::Work::write_layout(const Planned& planned, const oci::Descriptor& target,
                                      images::ArchiveForm form) {
  const auto archive = [&](Sink& to) {
    return site.images.archive(target, planned.options.names, form, to, cancel);
  };
  if (planned.output.blobs == nullptr) return archive(*planned.output.file);
  snapshot::DiffSource tar(archive, cancel);
  TarReader reader(tar);
  while (const TarEntry* entry = TRY(reader.next())) {
    const auto blob = images::blob_of_path(entry->name);
    if (blob) TRY(planned.output.blobs->receive(*blob, entry->size, reader.body()));
  }
  // Only behind all of it stands whether that was all.
  std::array<char, 4096> rest{};
  while (TRY(tar.read(rest)) > 0) continue;
  return {};
}

Result<> Exporter::Work::write_trees(const Planned& planned, const ShapedImages& shaped) {
  // As BuildKit has it, the epoch is the time of all files whenever they were made.
  ExportedTrees::Form form{.time = planned.options.epoch, .split = planned.options.platform_split};
  if (planned.options.attestations.any()) {
    form.beside = [&](const images::Image& image, const Path& root) {
      const auto number = std::ranges::find(shaped.ids, image.id) - shaped.ids.begin();
      return attester.attest_files(built[static_cast<size_t>(number)], image.manifest, root,
                                   planned.options);
    };
  }
  const ExportedTrees trees = TRY(ExportedTrees::mount(site, shaped.target, form, cancel));
  if (planned.output.file != nullptr) return trees.write_tar(*planned.output.file, cancel);
  return planned.output.trees->receive(trees.trees(), cancel);
}

Result<> Exporter::Work::keep(const ExportOptions& options, const oci::Descriptor& target) {
  if (!options.store) return {};
  // A name without a tag is only one to push to.
  if (options.names.empty() || options.push_by_digest) return site.images.put(target, std::nullopt);
  for (const oci::Reference& name : options.names) TRY(site.images.put(target, name));
  return {};
}

Result<> Exporter::Work::push(const ExportOptions& options, const oci::Descriptor& target) {
  for (const oci::Reference& name : options.names) {
    images::PushOptions push{
        .target = target, .by_digest = options.push_by_digest, .as_it_is = true};
    push.client = site.options.client;
    auto credentials = TRY(request.credentials_of(name.domain()));
    if (credentials) push.client.credentials = std::move(*credentials);
    if (options.insecure) push.client.insecure_hosts.push_back(name.domain());
    const auto report = [&](const images::ProgressEvent& event) { events.send(Exporting{event}); };
    TRY_CONTEXT(site.images.push(name, push, report, cancel), cat("push ", name.familiar()));
  }
  return {};
}

Result<Exporter> Exporter::make(Site& site, const BuildRequest& request) {
  Exporter out(site, request);
  std::vector<Output> outputs = request.outputs;
  if (outputs.empty()) outputs.emplace_back();
  for (Output& output : outputs) {
    Planned planned{.output = std::move(output), .options = {}};
    planned.options = TRY(parse_export(planned.output, request));
    out.planned_.push_back(std::move(planned));
  }
  return out;
}

Result<ShapedImages> Exporter::run(const std::vector<PlatformImage>& built, const BuildFacts& facts,
                                   images::ImageLease& lease, SharedSink& events,
                                   const CancelToken& cancel) {
  Attester attester(site_, request_, lease, facts, cancel);
  Work work{site_, request_, lease, events, cancel, built, attester};
  ImageShaper plain(site_, lease, facts, nullptr, cancel);
  ImageShaper attested(site_, lease, facts, &attester, cancel);
  std::optional<ShapedImages> image;
  std::optional<ShapedImages> other;
  for (const Planned& planned : planned_) {
    const std::string what = cat("output type=", name_of(planned.output.type));
    const bool attests = planned.options.attestations.any() && is_image(planned.output.type);
    ShapedImages shaped =
        TRY_CONTEXT((attests ? attested : plain).shape(built, planned.options), what);
    TRY_CONTEXT(work.write(planned, shaped), what);
    (is_image(planned.output.type) ? image : other) = std::move(shaped);
  }
  return image ? *std::move(image) : *std::move(other);
}

}  // namespace skiff::builder
