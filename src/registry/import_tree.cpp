#include "registry/import_tree.h"

#include <fcntl.h>

#include <algorithm>

#include "base/io.h"
#include "base/strings.h"
#include "oci/reference.h"
#include "registry/import_layout.h"
#include "registry/manifest_document.h"

namespace skiff::registry {

namespace {

constexpr size_t kMaxImported = size_t{4} << 20U;  // as of a push
constexpr size_t kImportBuffer = size_t{256} << 10U;

// One repository of the tree.
class RepositoryImport {
 public:
  RepositoryImport(const ImportInto& into, const DistributionTree& tree, std::string name,
                   const ImportOptions& options, const ProblemSink& report,
                   const CancelToken& cancel, ImportSummary& summary)
      : into_(into),
        tree_(tree),
        name_(std::move(name)),
        options_(options),
        report_(report),
        cancel_(cancel),
        summary_(summary) {}

  Result<> run() {
    TRY(read_tags());
    for (const oci::Digest& digest : TRY(tree_.revisions(name_, report_))) {
      TRY(cancel_.check());
      TRY(take_manifest(digest));
    }
    for (const auto& [digest, tags] : tags_) {
      if (done_.contains(digest)) continue;
      for (const std::string& tag : tags) {
        tell(cat("tag ", tag), cat("it names ", digest, ", which the repository does not have"));
      }
    }
    return {};
  }

 private:
  // Left out, and why.
  void tell(const std::string& what, const std::string& why) {
    report_({.what = cat(name_, ": ", what, " is left out: ", why),
             .where = tree_.repository(name_).native(),
             .remedy = "push it from a client that has it"});
  }

  Result<> read_tags() {
    for (auto& [tag, digest] : TRY(tree_.tags(name_, report_))) {
      tags_[digest.str()].push_back(std::move(tag));
    }
    return {};
  }

  // True where it is whole here. What an index lists comes first.
  Result<bool> take_manifest(const oci::Digest& digest) {
    const std::string key = digest.str();
    if (const auto known = done_.find(key); known != done_.end()) return known->second;
    done_[key] = false;  // a cycle cannot be, but a tree may claim one
    Result<std::string> bytes = tree_.read_blob(digest, kMaxImported);
    if (!bytes) {
      tell(cat("manifest ", key), bytes.error().message());
      return false;
    }
    auto manifest = read_manifest(*std::move(bytes), "", digest);
    if (!manifest) {
      tell(cat("manifest ", key), manifest.error().message);
      return false;
    }
    for (const ManifestReference& reference : manifest->references) {
      TRY(cancel_.check());
      TRY(take_reference(reference));
    }
    return done_[key] = TRY(put(*manifest));
  }

  // What does not come is told by the manifest that misses it.
  Result<> take_reference(const ManifestReference& reference) {
    if (reference.manifest) {
      if (tree_.has_revision(name_, reference.digest)) TRY(take_manifest(reference.digest));
      return {};
    }
    if (TRY(into_.metadata.find_blob(name_, reference.digest, Renew::kNo))) return {};
    if (TRY(into_.metadata.mount_blob(name_, "", reference.digest))) return {};
    const auto file = tree_.open_blob(reference.digest);
    if (file) return copy_blob(file->get(), reference.digest);
    if (file.error().code() != Code::kNotFound) {
      tell(cat("blob ", reference.digest.str()), file.error().message());
    }
    return {};
  }

  Result<> copy_blob(int file, const oci::Digest& digest) {
    const std::string id = TRY(into_.uploads.begin(name_, digest.algorithm()));
    auto upload = TRY(into_.uploads.open(name_, id));
    const auto copied = [&]() -> Result<uint64_t> {
      FdSource source(file);
      std::vector<char> buffer(kImportBuffer);
      uint64_t size = 0;
      for (;;) {
        TRY(cancel_.check());
        const size_t n = TRY(source.read(buffer));
        if (n == 0) break;
        TRY(upload.write({buffer.data(), n}));
        size += n;
      }
      TRY(into_.uploads.finish(upload, digest));
      return size;
    }();
    if (copied) {
      ++summary_.blobs;
      summary_.bytes += *copied;
      return {};
    }
    if (is_wrong_content(copied.error())) {
      tell(cat("blob ", digest.str()), copied.error().message());
      return {};
    }
    if (auto ended = into_.uploads.cancel(upload); !ended) return ended;
    return copied.error();
  }

  Result<bool> put(const NewManifest& manifest) {
    const std::string digest = manifest.row.digest.str();
    const std::vector<std::string> tags = TRY(tags_to_set(digest));
    const bool is_here = TRY(into_.metadata.find_manifest(name_, digest, Renew::kYes)).has_value();
    if (!is_here || !tags.empty()) {
      const PutOutcome outcome = TRY(into_.metadata.put_manifest(
          name_, manifest,
          {.tags = tags, .actor = {.name = "import"}, .parts = parts_of(manifest)}));
      if (!outcome.stored()) {
        const ManifestReference& lacks =
            outcome.missing.empty() ? outcome.mismatch.front() : outcome.missing.front();
        tell(cat("manifest ", digest),
             cat(lacks.place, " ", lacks.digest.str(),
                 outcome.missing.empty() ? " is of another size or type" : " is not there"));
        return false;
      }
      if (!is_here) stored_.insert(digest);
    }
    ++summary_.manifests;
    summary_.tags += tags.size();
    return true;
  }

  // What it lists and this import brought: a large one may have begun with it long ago.
  std::set<std::string> parts_of(const NewManifest& manifest) const {
    std::set<std::string> out;
    for (const ManifestReference& reference : manifest.references) {
      if (stored_.contains(reference.digest.str())) out.insert(reference.digest.str());
    }
    return out;
  }

  // Of the tags that name it in the tree those that do not name it here.
  Result<std::vector<std::string>> tags_to_set(const std::string& digest) {
    std::vector<std::string> out;
    const auto found = tags_.find(digest);
    if (found == tags_.end()) return out;
    for (const std::string& tag : found->second) {
      const auto here = TRY(into_.metadata.find_manifest(name_, tag, Renew::kNo));
      if (here && here->digest.str() == digest) {
        ++summary_.tags;
      } else if (here && !options_.move_tags) {
        tell(cat("tag ", tag), cat("it names ", here->digest.str(), " here, and ", digest,
                                   " there: --move-tags moves it"));
      } else {
        out.push_back(tag);
      }
    }
    return out;
  }

  const ImportInto& into_;
  const DistributionTree& tree_;
  const std::string name_;
  const ImportOptions& options_;
  const ProblemSink& report_;
  const CancelToken& cancel_;
  ImportSummary& summary_;
  std::map<std::string, std::vector<std::string>> tags_;  // by what they name
  std::map<std::string, bool> done_;                      // manifests; whether they are whole
  std::set<std::string> stored_;                          // manifests that were not here before
};

}  // namespace

Result<ImportSummary> import_tree(const ImportInto& into, const Path& tree,
                                  const ImportOptions& options,
                                  const std::function<void(const std::string&)>& begins,
                                  const ProblemSink& report, const CancelToken& cancel) {
  const DistributionTree from = TRY(DistributionTree::open(tree));
  ImportSummary summary;
  for (const std::string& name : TRY(from.repositories(report))) {
    TRY(cancel.check());
    begins(name);
    ++summary.repositories;
    RepositoryImport one(into, from, name, options, report, cancel, summary);
    TRY_CONTEXT(one.run(), cat("import ", name));
  }
  return summary;
}

}  // namespace skiff::registry
