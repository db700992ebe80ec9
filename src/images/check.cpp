#include "images/check.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/log.h"
#include "base/strings.h"
#include "codec/compress.h"
#include "images/holding.h"

namespace skiff::images {

namespace {

class Check {
 public:
  Check(Parts& parts, const CheckOptions& options, const ProblemSink& report,
        const CancelToken& cancel)
      : parts_(parts), options_(options), report_(report), cancel_(cancel) {
    options_.bring_back = [this](const std::string& digest) { return bring_back(digest); };
  }
  Check(const Check&) = delete;
  Check& operator=(const Check&) = delete;

  Result<CheckSummary> run() {
    lease_ = TRY(Holding::make(parts_));
    TRY(list_owners());
    TRY_CONTEXT(parts_.store.check(options_, report_, cancel_), "check content");
    TRY_CONTEXT(parts_.snapshots.check(options_, report_, cancel_), "check snapshots");
    // Documents read before tell nothing of what is on disk.
    parts_.reader.forget_all();
    for (const std::string& fault : TRY(parts_.catalog.faults())) {
      report_({.what = fault,
               .where = "images.db",
               .remedy = "restore it from a backup, or delete it and pull the images again"});
    }
    for (const TargetRow& row : TRY(parts_.catalog.targets())) {
      TRY_CONTEXT(check_target(row), "check images");
    }
    if (options_.repair) summary_.freed = TRY(parts_.garbage.collect()).bytes;
    TRY(count());
    return summary_;
  }

 private:
  // Which images have a blob or a layer, as far as their documents can be read.
  Result<> list_owners() {
    for (const TargetRow& row : TRY(parts_.catalog.targets())) {
      const std::string name = TRY(shortest_name(row.target.digest));
      const auto visited = parts_.reader.visit(row.target, [&](const auto& part) -> Result<> {
        owners_[part.digest.str()].insert(name);
        if (!oci::is_manifest_type(part.media_type)) return {};
        if (const auto document = parts_.reader.document(part)) {
          for (const std::string& layer : (*document)->snapshots()) owners_[layer].insert(name);
        }
        return {};
      });
      if (!visited) log_info(visited.error().message());
    }
    return {};
  }

  std::string bring_back(const std::string& digest) const {
    constexpr size_t kMost = 3;
    const auto found = owners_.find(digest);
    if (found == owners_.end()) return "pull, load or build what has it again";
    std::vector<std::string> names(found->second.begin(), found->second.end());
    const size_t more = names.size() - std::min(names.size(), kMost);
    names.resize(names.size() - more);
    const std::string_view rest = more == 0 ? "" : " (and more)";
    return cat("pull or load ", join(names, " or "), rest, " again");
  }

  Result<> check_target(const TargetRow& row) {
    TRY(cancel_.check());
    std::string fault = TRY(fault_of(row.target));
    if (!fault.empty() && options_.repair) TRY(remake_layers(row.target));
    if (!fault.empty()) fault = TRY(fault_if_recorded(row.target));
    if (fault.empty()) return {};
    Problem problem{.what = cat("image ", TRY(label(row.target.digest)), " is not whole: ", fault),
                    .where = cat("images.db, target ", row.target.digest.str()),
                    .remedy = cat("pull or load it again, or ", kRepairRemedy)};
    if (options_.repair && TRY(drop(row.target))) {
      problem.remedy = "its names were removed: pull or load it again";
      problem.mended = true;
    }
    report_(problem);
    return {};
  }

  // Looked at again while nothing is removed: "" also for what was removed meanwhile.
  Result<std::string> fault_if_recorded(const oci::Descriptor& target) {
    const auto lock = parts_.garbage.adding_roots();
    for (const TargetRow& row : TRY(parts_.catalog.targets())) {
      if (row.target.digest == target.digest) return fault_of(target);
    }
    return "";
  }

  // The image's names, else its digest.
  Result<std::string> label(const oci::Digest& target) {
    std::vector<std::string> names;
    for (const oci::Reference& name : TRY(parts_.catalog.names_of(target))) {
      names.push_back(name.familiar());
    }
    return names.empty() ? target.str() : join(names, ", ");
  }

  // A tag, else what there is.
  Result<std::string> shortest_name(const oci::Digest& target) {
    for (const oci::Reference& name : TRY(parts_.catalog.names_of(target))) {
      if (!name.digest()) return name.familiar();
    }
    return label(target);
  }

  // Why no image of the target is whole; "" where one is. Of several platforms some may be
  // missing: they were never pulled.
  Result<std::string> fault_of(const oci::Descriptor& target, int depth = 0) {
    if (std::string fault = TRY(blob_fault(target.digest)); !fault.empty()) return fault;
    const auto bytes = content::read_blob(parts_.store, target.digest);
    if (!bytes) return bytes.error().message();
    if (!oci::is_index_type(target.media_type)) return manifest_fault(target, *bytes);
    const auto index = oci::Index::parse(*bytes, target.media_type);
    if (!index) return cat("index ", target.digest.str(), ": ", index.error().message());
    std::string why = "no platform of it is here";
    for (const oci::Descriptor& child : index->manifests) {
      if (depth == kMaxIndexDepth || (child.platform && child.platform->os == "unknown")) continue;
      std::string fault = TRY(fault_of(child, depth + 1));
      if (fault.empty()) return "";
      if (parts_.store.info(child.digest)) why = std::move(fault);
    }
    return why;
  }

  Result<std::string> manifest_fault(const oci::Descriptor& target, const std::string& bytes) {
    const auto manifest = oci::Manifest::parse(bytes, target.media_type);
    if (!manifest) return cat("manifest ", target.digest.str(), ": ", manifest.error().message());
    if (std::string fault = TRY(blob_fault(manifest->config.digest)); !fault.empty()) return fault;
    for (const oci::Descriptor& layer : manifest->layers) {
      if (std::string fault = TRY(blob_fault(layer.digest)); !fault.empty()) return fault;
    }
    if (!is_image(*manifest)) return "";
    const auto document = parts_.reader.document(target);
    return document ? "" : document.error().message();
  }

  Result<std::string> blob_fault(const oci::Digest& digest) {
    const auto info = parts_.store.info(digest);
    if (info) return info->damaged ? cat("blob ", digest.str(), " is damaged") : "";
    if (info.error().code() != Code::kNotFound) return info.error();
    return cat("blob ", digest.str(), " is missing");
  }

  // Layers that are lost, from their snapshots: those that were compressed here, or not at all.
  Result<> remake_layers(const oci::Descriptor& target) {
    if (!oci::is_manifest_type(target.media_type)) return {};
    const auto document = parts_.reader.document(target);
    if (!document) return {};
    const std::vector<std::string> snapshots = (*document)->snapshots();
    for (size_t i = 0; i < snapshots.size(); ++i) {
      const oci::Descriptor& layer = (*document)->manifest.layers[i];
      if (TRY(blob_fault(layer.digest)).empty()) continue;
      if (!remake(layer, snapshots[i])) continue;
      report_({.what = cat("layer ", layer.digest.str(), " was lost"),
               .where = cat("snapshot ", snapshots[i]),
               .remedy = "made anew from its snapshot",
               .mended = true});
    }
    return {};
  }

  Result<> remake(const oci::Descriptor& layer, const std::string& snapshot) {
    const auto write = [&](Sink& to) -> Result<> {
      if (layer.media_type.ends_with("tar")) return parts_.snapshots.diff(snapshot, to);
      const auto gzip = make_gzip_sink(to);
      TRY(parts_.snapshots.diff(snapshot, *gzip));
      return gzip->finish();
    };
    TRY(store_written(parts_, write, layer.digest, *lease_));
    return {};
  }

  // False where it is whole again, or gone, meanwhile.
  Result<bool> drop(const oci::Descriptor& target) {
    TRY(keep_for_a_pull(target));
    const bool dropped = TRY(parts_.garbage.drop_broken(
        target.digest, [&]() -> Result<bool> { return !TRY(fault_of(target)).empty(); }));
    // As if its pull had been broken off: what is whole waits for the next one.
    if (dropped) TRY(parts_.catalog.begin(target, parts_.clock.now()));
    return dropped;
  }

  Result<> keep_for_a_pull(const oci::Descriptor& target) {
    Result<> visited = parts_.reader.visit(target, [&](const oci::Descriptor& part) -> Result<> {
      TRY(lease_->hold(part.digest));
      if (!oci::is_manifest_type(part.media_type)) return {};
      if (const auto document = parts_.reader.document(part)) {
        TRY(lease_->hold_snapshots((*document)->snapshots()));
      }
      return {};
    });
    // A damaged document leads nowhere; all else is an error.
    if (!visited && visited.error().code() != Code::kDataLoss) return visited;
    return {};
  }

  Result<> count() {
    summary_.targets = TRY(parts_.catalog.targets()).size();
    TRY(parts_.store.walk([&](const content::BlobInfo& blob) -> Result<> {
      ++summary_.blobs;
      summary_.bytes += blob.size;
      return {};
    }));
    return parts_.snapshots.walk([&](const snapshot::Info&) -> Result<> {
      ++summary_.snapshots;
      return {};
    });
  }

  Parts& parts_;
  CheckOptions options_;
  const ProblemSink& report_;
  const CancelToken& cancel_;
  std::unique_ptr<Holding> lease_;
  std::map<std::string, std::set<std::string>> owners_;  // by digest or chainID
  CheckSummary summary_;
};

}  // namespace

Result<CheckSummary> check_images(Parts& parts, const CheckOptions& options,
                                  const ProblemSink& report, const CancelToken& cancel) {
  return Check(parts, options, report, cancel).run();
}

}  // namespace skiff::images
