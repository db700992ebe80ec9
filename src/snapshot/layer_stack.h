// LayerStack: shows the trees that a chain of layers makes together.
//
//   auto shown = TRY(stack.show({9, 7, 4}));   // topmost first
//   ... shown.trees is what overlayfs is given, as long as shown.hold lives ...
//
// A layer is used as it was stored wherever that can be. Where not, another form of it is made
// beside it, when it is first needed: a directory of the same kind in the layer's own, which is
// whole as soon as it is there, and goes with the layer.
//   flat/      all that is seen of the layer and of those below it. Overlayfs takes 500 layers: of
//              a longer chain all up to the last 400th are seen as that one's flat form.
//   unpacked/  an indexed layer's tree, where the kernel cannot mount it.
#pragma once

#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "base/clock.h"
#include "snapshot/layer_mounts.h"
#include "snapshot/snapshotter.h"

namespace skiff::snapshot {

// Thread-safe.
class LayerStack {
 public:
  struct Place {
    Path layers;   // ROOT/snapshots: each layer is the directory ID
    Path staging;  // for what is being made
    Path mounts;   // for indexed layers, an empty directory
    Backend backend = Backend::kOverlay;
    std::string why_no_indexes;  // why indexed layers cannot be mounted; "" where they can
    DurableFiles& files;
    const Clock& clock;
    // Held by whoever changes layers' files, or makes other forms of them.
    std::recursive_mutex& changing;
    // Refuses a layer of which no form is to be made: it, or one below it, is damaged.
    std::function<Result<>(int64_t id)> require_whole;
    // Told before and after another form of the layer appears: it takes more room now.
    std::function<Result<>(int64_t id)> grows;
  };
  explicit LayerStack(Place place)
      : place_(std::move(place)), mounts_(place_.layers, place_.mounts) {}

  struct Shown {
    std::vector<Path> trees;  // topmost first
    LayerMounts::Hold hold;
  };
  // Layers on one another, topmost first, down to the lowest one.
  Result<Shown> show(std::span<const int64_t> chain);
  // What the layer itself adds to the trees below it.
  Result<Shown> show_one(int64_t id, const std::vector<Path>& lowers);
  // After files of it or of its other forms were replaced: whoever does not have the layer yet is
  // to see the new ones.
  void renew(int64_t id);
  // Before a layer is removed: nobody uses it any more.
  void forget(int64_t id);
  // Whether what was shown of the layer, or of another form of it, is still held.
  bool is_held(int64_t id) { return mounts_.is_held(directory_of(id)); }

 private:
  using Chain = std::span<const int64_t>;
  Path directory_of(int64_t id) const { return place_.layers / std::to_string(id); }
  Result<std::vector<Path>> pile(Chain above, Chain flattened);
  Result<> require_layers(Chain chain) const;
  Result<Path> flat(Chain chain);
  Result<> flatten(Chain chain, const Path& into);
  bool can_be_shown(const Path& layer) const;
  Result<Path> unpacked(int64_t id, const Path& layer, const std::vector<Path>& lowers);
  Result<Shown> shown(const std::vector<Path>& layers);
  std::vector<Path> trees_of(const std::vector<Path>& lowest_first) const;
  // The form `where` of the layer, made by `make` in a new directory where it is missing.
  Result<> require(int64_t id, const Path& where,
                   const std::function<Result<>(const Path& into)>& make);

  const Place place_;
  LayerMounts mounts_;
  bool told_why_no_indexes_ = false;
};

}  // namespace skiff::snapshot
