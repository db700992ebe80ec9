// ImageReader: what the content store holds of a target: its manifests, their configs, and
// which platforms are wholly there. Parsed documents are kept. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "content/content_store.h"
#include "oci/image_config.h"
#include "oci/manifest.h"

namespace skiff::images {

// The manifest and config of one platform.
struct Document {
  oci::Descriptor descriptor;  // of the manifest, with the config's platform
  oci::Manifest manifest;
  oci::ImageConfig config;
  std::string config_bytes;

  const oci::Digest& id() const { return manifest.config.digest; }
  // The names of its committed snapshots, lowest first.
  std::vector<std::string> snapshots() const;
};
using DocumentPtr = std::shared_ptr<const Document>;

// Indexes of indexes are allowed; endless ones are not.
inline constexpr int kMaxIndexDepth = 4;

class ImageReader {
 public:
  explicit ImageReader(content::ContentStore& store) : store_(store) {}

  // kNotFound where a part is missing, kInvalidArgument for what is no container image.
  Result<DocumentPtr> document(const oci::Descriptor& manifest);
  // The images of `target` whose every blob is here, in the index's order. What cannot be
  // read counts as missing. Remembered until changed().
  Result<std::vector<DocumentPtr>> present(const oci::Descriptor& target);
  // What `target` leads to, as far as its documents are here and can be read. Kept for every target
  // that is known whole, as the documents of thousands are not.
  struct Reach {
    std::vector<oci::Digest> images;     // their ids: present() gives no others
    std::vector<oci::Digest> blobs;      // the target itself among them
    std::vector<std::string> snapshots;  // of all its images
    std::optional<Error> damage;         // of a document that cannot be read
  };
  using ReachPtr = std::shared_ptr<const Reach>;
  Result<ReachPtr> reach_of(const oci::Descriptor& target);
  // Calls `visit` for everything that `target` leads to, itself too, each before or after its
  // children; those of a missing manifest are unknown. `visit` may see one blob twice, of which
  // the first time is in that order.
  using Visitor = std::function<Result<>(const oci::Descriptor&)>;
  enum class Order { kParentsFirst, kChildrenFirst };
  Result<> visit(const oci::Descriptor& target, const Visitor& visit,
                 Order order = Order::kParentsFirst);
  // True where everything that `target` leads to is here.
  Result<bool> complete(const oci::Descriptor& target);
  Result<bool> has(const oci::Digest& blob);

  // Blobs came or went: other images may be wholly here now.
  void changed();
  void forget(const std::set<oci::Digest>& blobs);
  void forget_all();

 private:
  struct Node {
    std::optional<oci::Manifest> manifest;
    std::optional<oci::Index> index;
  };
  using NodePtr = std::shared_ptr<const Node>;

  Result<NodePtr> node(const oci::Descriptor& descriptor);
  // What was seen is not entered again: indexes that name each other many times over would
  // otherwise take time without end.
  using Seen = std::set<oci::Digest>;
  struct Walk {
    const Visitor& visitor;
    Order order;
    Seen seen;
  };
  Result<> visit(const oci::Descriptor& target, Walk& walk, int depth);
  Result<> visit_children(const oci::Descriptor& target, Walk& walk, int depth);
  // False where what the part leads to may change: it is not here, or cannot be read.
  Result<bool> add_reach(const oci::Descriptor& part, Reach& reach);
  Result<> add_present(const oci::Descriptor& target, int depth, Seen& seen,
                       std::vector<DocumentPtr>& out);

  content::ContentStore& store_;
  std::mutex mutex_;
  std::map<oci::Digest, NodePtr> nodes_;
  std::map<oci::Digest, DocumentPtr> documents_;  // by digest of the manifest
  std::map<oci::Digest, std::vector<DocumentPtr>> present_;
  std::map<oci::Digest, ReachPtr> reaches_;
  uint64_t generation_ = 0;  // of present_
};

// True for a manifest whose config says how to run it.
bool is_image(const oci::Manifest& manifest);
// Why a manifest cannot be run as a container.
Error not_an_image(const oci::Manifest& manifest, std::string_view what);
// One that every layer of the config pairs with one of the manifest.
Result<> check_layer_count(const oci::Manifest& manifest, const oci::ImageConfig& config);

// The one of `images` that serves `wanted` best, else null.
DocumentPtr best_match(const std::vector<DocumentPtr>& images, const oci::Platform& wanted);
// The host's, else the first; null for none.
DocumentPtr default_choice(const std::vector<DocumentPtr>& images);

}  // namespace skiff::images
