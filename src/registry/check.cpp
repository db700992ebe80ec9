#include "registry/check.h"

#include "base/strings.h"
#include "registry/manifest_document.h"

namespace skiff::registry {

namespace {

class Check {
 public:
  Check(const Checked& what, const CheckOptions& options, const ProblemSink& report,
        const CancelToken& cancel)
      : what_(what), options_(options), report_(report), cancel_(cancel) {
    options_.bring_back = [this](const std::string& digest) { return bring_back(digest); };
  }
  Check(const Check&) = delete;
  Check& operator=(const Check&) = delete;

  Result<CheckSummary> run() {
    for (const std::string& fault : TRY(what_.metadata.faults())) {
      tell({.what = fault,
            .where = database(),
            .remedy = "restore it from a backup, or push the images again to a new registry"});
    }
    if (files_ != nullptr) {
      TRY(files_->check(options_, [&](const Problem& problem) { tell(problem); }, cancel_));
    }
    TRY(check_blobs());
    TRY(files_ != nullptr ? check_strays() : check_places());
    TRY(what_.metadata.each_manifest([this](const Audit::ManifestName& name) -> Result<> {
      TRY(cancel_.check());
      return check_manifest(name).context(
          cat("manifest ", name.repository, "@", name.digest.str()));
    }));
    return summary_;
  }

 private:
  std::string bring_back(const std::string& text) const {
    std::vector<std::string> owners;
    if (const auto digest = oci::Digest::parse(text)) {
      owners = what_.metadata.owners(*digest).value_or(std::vector<std::string>());
    }
    return owners.empty() ? "push what has it again" : cat("push ", join(owners, " or "), " again");
  }

  std::string database() const { return (what_.root / "registry.db").native(); }

  // The registry's problems stand among those of the engine.
  void tell(Problem problem) {
    problem.what = cat("registry: ", problem.what);
    report_(problem);
  }

  Result<> check_blobs() {
    return what_.metadata.each_stored_blob("", [this](const Audit::BlobRow& blob) -> Result<> {
      TRY(cancel_.check());
      ++summary_.blobs;
      summary_.bytes += blob.at.size;
      return check_blob(blob);
    });
  }

  // Why the content is not what the row says; "" for nothing.
  Result<std::string> fault_of(const Audit::BlobRow& blob) {
    if (files_ == nullptr) return fault_at(blob);
    const auto found = files_->info(blob.digest);
    if (!found && found.error().code() != Code::kNotFound) return found.error();
    if (!found) return "its content is lost";
    return found->size == blob.at.size
               ? ""
               : cat("its content has ", found->size, " bytes, its record says ", blob.at.size);
  }

  Result<std::string> fault_at(const Audit::BlobRow& blob) {
    if (blob.damaged) return "is damaged: its content was another when it was read again";
    Result<> whole = what_.blobs.verify(blob.digest, blob.at, {.always = options_.deep}, cancel_);
    if (whole) return std::string();
    const Code code = whole.error().code();
    if (code != Code::kDataLoss && code != Code::kNotFound) return std::move(whole.error());
    return whole.error().message();
  }

  Result<> check_blob(const Audit::BlobRow& seen) {
    if (seen.kept && TRY(fault_of(seen)).empty()) return {};
    // Who stores or removes it holds this: nothing is half done from here on.
    const auto guard = what_.locks.try_lock(seen.digest);
    const auto blob = TRY(what_.metadata.stored_blob(seen.digest));
    if (!guard || !blob) return {};
    const std::string fault = TRY(fault_of(*blob));
    if (!fault.empty()) return tell_lost(*blob, fault);
    return blob->kept ? Result<>() : tell_unnamed(*blob);
  }

  Result<> tell_lost(const Audit::BlobRow& blob, const std::string& fault) {
    Problem problem{.what = cat("blob ", blob.digest.str(), ": ", fault),
                    .where = database(),
                    .remedy = cat(kRepairRemedy, ", then ", bring_back(blob.digest.str()))};
    if (options_.repair) {
      TRY(what_.metadata.doom_lost_blob(blob.digest));
      TRY(remove(blob.digest));
      problem.remedy = cat("its record was removed: ", bring_back(blob.digest.str()));
      problem.mended = true;
    }
    tell(std::move(problem));
    return {};
  }

  Result<> tell_unnamed(const Audit::BlobRow& blob) {
    Problem problem{.what = cat("blob ", blob.digest.str(), " is of no repository"),
                    .where = database(),
                    .remedy = kRepairRemedy};
    if (options_.repair && TRY(what_.metadata.doom_unkept_blob(blob.digest))) {
      TRY(remove(blob.digest));
      problem.remedy = "removed";
      problem.mended = true;
    }
    tell(std::move(problem));
    return {};
  }

  // A doomed one, by who holds its lock: its record goes when the disk has forgotten it.
  Result<> remove(const oci::Digest& digest) {
    if (files_ == nullptr) return {};  // its place is discarded
    std::vector<Result<>> outcomes = files_->remove_all({&digest, 1});
    TRY(std::move(outcomes.front()));
    TRY(files_->sync_removed({&digest, 1}));
    return what_.metadata.drop_blobs({digest});
  }

  // The same where blobs have places.
  Result<> check_places() {
    constexpr size_t kMostSuspects = 10'000;
    std::set<std::string> suspects;
    TRY(each_unknown_place([&](const std::string& place) -> Result<> {
      suspects.insert(place);
      if (suspects.size() >= kMostSuspects) TRY(tell_unknown_places(suspects));
      return {};
    }));
    return suspects.empty() ? Result<>() : tell_unknown_places(suspects);
  }

  Result<> each_unknown_place(const std::function<Result<>(const std::string&)>& visit) {
    return what_.blobs.walk([&](const Blobs::Found& found) -> Result<> {
      TRY(cancel_.check());
      // In this order: an upload that ends leaves its place in the transaction.
      if (TRY(what_.metadata.knows_upload(found.upload))) return {};
      if (TRY(what_.metadata.knows_place(found.place))) return {};
      return visit(found.place);
    });
  }

  // Those that are listed once more: what a collection forgot between the list and the question was
  // removed before that.
  Result<> tell_unknown_places(std::set<std::string>& suspects) {
    TRY(each_unknown_place([&](const std::string& place) -> Result<> {
      return suspects.contains(place) ? tell_unknown_place(place) : Result<>();
    }));
    suspects.clear();
    return {};
  }

  Result<> tell_unknown_place(const std::string& place) {
    Problem problem{.what = cat("object ", place, " is stored, and no record has it"),
                    .where = "the S3 store",
                    .remedy = kRepairRemedy};
    if (options_.repair) {
      TRY(std::move(what_.blobs.discard({&place, 1}).front()));
      problem.remedy = "removed";
      problem.mended = true;
    }
    tell(std::move(problem));
    return {};
  }

  // Content that no record has.
  Result<> check_strays() {
    return files_->walk([this](const content::BlobInfo& blob) -> Result<> {
      TRY(cancel_.check());
      return check_stray(blob.digest);
    });
  }

  Result<> check_stray(const oci::Digest& digest) {
    if (TRY(what_.metadata.knows_blob(digest))) return {};
    const auto guard = what_.locks.try_lock(digest);
    if (!guard || TRY(what_.metadata.knows_blob(digest))) return {};
    if (!files_->info(digest)) return {};
    Problem problem{.what = cat("blob ", digest.str(), " is stored, and no record has it"),
                    .where = (what_.root / "content").native(),
                    .remedy = kRepairRemedy};
    if (options_.repair) {
      TRY(files_->remove(digest));
      problem.remedy = "removed";
      problem.mended = true;
    }
    tell(std::move(problem));
    return {};
  }

  Result<> check_manifest(const Audit::ManifestName& name) {
    const auto row =
        TRY(what_.metadata.find_manifest(name.repository, name.digest.str(), Renew::kNo));
    if (!row) return {};  // removed meanwhile
    ++summary_.manifests;
    if (name.repository != repository_) ++summary_.repositories;
    repository_ = name.repository;
    const oci::Digest actual = oci::Digest::of(row->bytes, name.digest.algorithm());
    const auto manifest = read_manifest(row->bytes, row->media_type, name.digest);
    if (actual != name.digest || !manifest) {
      const std::string why =
          actual == name.digest ? "it cannot be read" : cat("its content is ", actual.str());
      return tell_broken(name, {}, why);
    }
    const auto inspected = TRY(what_.metadata.inspect(name.repository, *manifest));
    if (!inspected) return {};
    if (const std::string why = TRY(fault_of(*manifest, *inspected)); !why.empty()) {
      TRY(tell_broken(name, inspected->tags, why));
    }
    return inspected->edges_right ? Result<>() : tell_edges(name, *manifest);
  }

  // Why what it names is not all here; "" for nothing.
  Result<std::string> fault_of(const NewManifest& manifest, const Audit::Inspected& inspected) {
    const PutOutcome& outcome = inspected.outcome;
    for (const ManifestReference& reference : outcome.missing) {
      return cat(reference.place, " ", reference.digest.str(), " is missing");
    }
    for (const ManifestReference& reference : outcome.mismatch) {
      return cat(reference.place, " ", reference.digest.str(), " is of another size or type");
    }
    if (files_ == nullptr) return "";
    for (const ManifestReference& reference : manifest.references) {
      const auto blob = files_->info(reference.digest);
      if (blob && blob->damaged) {
        return cat(reference.place, " ", reference.digest.str(), " is damaged");
      }
    }
    return "";
  }

  Result<> tell_broken(const Audit::ManifestName& name, const std::vector<std::string>& tags,
                       const std::string& why) {
    const std::string tagged = tags.empty() ? "" : cat(" (", join(tags, ", "), ")");
    tell({.what = cat("manifest ", name.repository, "@", name.digest.str(), tagged,
                      " is not whole: ", why),
          .where = database(),
          .remedy = "push it again, or delete it"});
    return {};
  }

  Result<> tell_edges(const Audit::ManifestName& name, const NewManifest& manifest) {
    Problem problem{.what = cat("manifest ", name.repository, "@", name.digest.str(),
                                " names other things than its records say"),
                    .where = database(),
                    .remedy = kRepairRemedy};
    if (options_.repair) {
      if (!TRY(what_.metadata.rewrite_edges(name.repository, manifest))) return {};
      problem.remedy = "written anew";
      problem.mended = true;
    }
    tell(std::move(problem));
    return {};
  }

  const Checked& what_;
  content::RecordedStore* files_ = what_.blobs.files();
  CheckOptions options_;
  const ProblemSink& report_;
  const CancelToken& cancel_;
  std::string repository_;  // of the manifest before
  CheckSummary summary_;
};

}  // namespace

Result<CheckSummary> check_registry(const Checked& what, const CheckOptions& options,
                                    const ProblemSink& report, const CancelToken& cancel) {
  return Check(what, options, report, cancel).run();
}

}  // namespace skiff::registry
