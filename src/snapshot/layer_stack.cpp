#include "snapshot/layer_stack.h"

#include <algorithm>
#include <ranges>

#include "base/log.h"
#include "base/strings.h"
#include "snapshot/diff_source.h"
#include "snapshot/indexed_layer.h"
#include "snapshot/layer_diff.h"
#include "snapshot/layer_directory.h"
#include "snapshot/layer_forms.h"

namespace skiff::snapshot {

namespace {

constexpr size_t kMostLayers = 500;  // OVL_MAX_STACK of Linux
constexpr size_t kFlattened = 400;

}  // namespace

Result<LayerStack::Shown> LayerStack::show(Chain chain) {
  const size_t own = chain.size() <= kMostLayers ? chain.size() : chain.size() % kFlattened;
  while (true) {
    const std::vector<Path> layers = TRY(pile(chain.first(own), chain.subspan(own)));
    Result<Shown> held = shown(layers);
    // Else a form was dropped between the two, and is made anew.
    if (std::ranges::all_of(layers, is_present)) return held;
    TRY(require_layers(chain));
  }
}

// That none of the layers themselves is lost.
Result<> LayerStack::require_layers(Chain chain) const {
  for (const int64_t id : chain) {
    if (is_present(directory_of(id))) continue;
    return Error(Code::kDataLoss,
                 cat("the files of layer ", directory_of(id).native(), " are gone"));
  }
  return {};
}

Result<LayerStack::Shown> LayerStack::show_one(int64_t id, const std::vector<Path>& lowers) {
  Path layer = directory_of(id);
  if (!can_be_shown(layer)) layer = TRY(unpacked(id, layer, lowers));
  return shown({layer});
}

void LayerStack::forget(int64_t id) {
  mounts_.forget(directory_of(id));
  mounts_.forget(directory_of(id) / kFlatName);
}

void LayerStack::renew(int64_t id) {
  mounts_.renew(directory_of(id));
  mounts_.renew(directory_of(id) / kFlatName);
}

Result<LayerStack::Shown> LayerStack::shown(const std::vector<Path>& layers) {
  LayerMounts::Hold hold = TRY(mounts_.hold(layers));
  return Shown{.trees = trees_of(layers), .hold = std::move(hold)};
}

// Layers that are given lowest first, as overlayfs counts their trees.
std::vector<Path> LayerStack::trees_of(const std::vector<Path>& lowest_first) const {
  std::vector<Path> trees;
  for (const Path& layer : std::views::reverse(lowest_first)) {
    trees.push_back(mounts_.tree_of(layer));
  }
  return trees;
}

// The directories to be seen, lowest first: of those above, and one for all of `flattened`.
Result<std::vector<Path>> LayerStack::pile(Chain above, Chain flattened) {
  std::vector<Path> layers;
  if (!flattened.empty()) layers.push_back(TRY(flat(flattened)));
  for (const int64_t id : std::views::reverse(above)) {
    Path layer = directory_of(id);
    if (!can_be_shown(layer)) layer = TRY(unpacked(id, layer, trees_of(layers)));
    layers.push_back(std::move(layer));
  }
  return layers;
}

Result<Path> LayerStack::flat(Chain chain) {
  const int64_t top = chain.front();
  const Path where = directory_of(top) / kFlatName;
  TRY(require(top, where, [&](const Path& into) { return flatten(chain, into); }));
  return can_be_shown(where) ? where : unpacked(top, where, {});
}

Result<> LayerStack::flatten(Chain chain, const Path& into) {
  const auto layers = TRY(pile(chain.first(kFlattened), chain.subspan(kFlattened)));
  const Shown all = TRY(shown(layers));
  const TempDir target = TRY(TempDir::make(place_.staging, ""));
  const auto tree = TRY(MountedSnapshot::mount({.lowers = all.trees}, target.path()));
  DiffSource tar([&](Sink& to) { return write_tree(tree.path(), to); }, {});
  if (place_.backend == Backend::kOverlay) return unpack_layer(into, {}, tar);
  const LayerTreeOptions options{.is_lowest = true, .implied_mtime = place_.clock.now()};
  const auto layer = TRY(IndexedLayer::read(tar, into, options, place_.files, {}));
  TRY(layer->write_index({}));
  return {};
}

bool LayerStack::can_be_shown(const Path& layer) const {
  return place_.why_no_indexes.empty() || !is_indexed(layer);
}

Result<Path> LayerStack::unpacked(int64_t id, const Path& layer, const std::vector<Path>& lowers) {
  Path where = layer / kUnpackedName;
  TRY(require(id, where, [&](const Path& into) -> Result<> {
    if (!std::exchange(told_why_no_indexes_, true)) {
      log_warn(cat("layers are unpacked that cannot be mounted here: ", place_.why_no_indexes));
    }
    const UniqueFd file = TRY(open_file(layer / kTarName, O_RDONLY));
    FdSource tar(file.get());
    return unpack_layer(into, lowers, tar);
  }));
  return where;
}

Result<> LayerStack::require(int64_t id, const Path& where,
                             const std::function<Result<>(const Path&)>& make) {
  if (is_present(where)) return {};
  const std::scoped_lock lock(place_.changing);
  if (is_present(where)) return {};
  TempDir made = TRY(TempDir::make(place_.staging, ""));
  TRY_CONTEXT(make(made.path()), cat("make ", where.native()));
  TRY(write_form_digest(made.path(), place_.files));
  // For a crash now; and again for who counts it meanwhile.
  TRY(place_.grows(id));
  TRY(place_.files.sync_directory(made.path()));
  // What was read may have been found damaged since.
  TRY(place_.require_whole(id));
  TRY(place_.files.rename(made.path(), where));
  made.release();
  TRY(place_.files.sync_directory(where.parent_path()));
  return place_.grows(id);
}

}  // namespace skiff::snapshot
