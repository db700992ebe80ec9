// Records of the cache as they travel: the document of a cache image, and what images tell of their
// own steps (docs/formats/cache-image.md).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "codec/json.h"
#include "solver/cache.h"

namespace skiff::solver {

inline constexpr std::string_view kRecordsType = "application/vnd.skiff.build-cache.v1+json";

// A directory of RUN --mount=type=cache, as a tar.
struct PortableMount {
  std::string id;
  oci::Descriptor blob;
};
struct PortableCache {
  std::vector<NewRecord> records;
  std::vector<PortableMount> mounts;
};

std::string encode_cache(const PortableCache& cache);
// What comes from elsewhere is judged: a record whose result is not what its parent and layer give
// is an error, as is a document of another form.
Result<PortableCache> decode_cache(std::string_view text);

// Inline caches: what an image tells, in this member of its config, of the steps that made its
// layers. What their keys are made of is not in it.
inline constexpr std::string_view kInlineMember = "skiff.build-cache.v1";
// Of the records those of `layers` (diffIDs), none later than `newest`; nullopt: there are none.
std::optional<json::Value> encode_inline(std::vector<NewRecord> records,
                                         const std::vector<oci::Digest>& layers,
                                         const std::optional<TimePoint>& newest);
// `blobs`: of the image's layers. Judged as decode_cache() does.
Result<std::vector<NewRecord>> decode_inline(const json::Value& value,
                                             const std::vector<oci::Digest>& layers,
                                             const std::vector<oci::Descriptor>& blobs);

// All of `first`, and of `second` the records whose keys are not there, and the other mounts.
PortableCache unite(PortableCache first, const PortableCache& second);

// Records that another cache has, found by their keys; their layers are fetched when they are.
class ImportedRecords {
 public:
  // Brings a record's layer here, held as long as the build: the content, and the snapshot on its
  // parent's, which is there.
  using Fetch = std::function<Result<>(NewRecord& record, const CancelToken& cancel)>;
  void add(std::vector<NewRecord> records, Fetch fetch);

  bool empty() const { return sources_.empty(); }
  const NewRecord* find(const std::string& key) const;
  // `record` as one that can be put into the own cache.
  Result<NewRecord> fetch(const NewRecord& record, const CancelToken& cancel) const;
  // Those that a step on `parent` is compared with when none of the own cache is like it.
  std::vector<EarlierStep> similar(const StepIdentity& identity, std::string_view parent) const;

 private:
  struct Source {
    std::vector<NewRecord> records;
    Fetch fetch;
  };
  std::vector<std::unique_ptr<Source>> sources_;
  std::unordered_map<std::string, const NewRecord*> by_key_;
  std::unordered_map<const NewRecord*, const Source*> owners_;
};

}  // namespace skiff::solver
