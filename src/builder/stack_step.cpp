// The second half of COPY --link: lays a layer that was made for itself upon what is below.
#include "base/strings.h"
#include "builder/planned_step.h"
#include "codec/compress.h"

namespace skiff::builder {

namespace {

// Passes a layer's tar on as far as there is room for it.
class RoomedSource : public Source {
 public:
  RoomedSource(Source& from, snapshot::Snapshotter::MakeRoom make_room)
      : from_(from), make_room_(std::move(make_room)) {}
  Result<size_t> read(std::span<char> buffer) override {
    const size_t n = TRY(from_.read(buffer));
    if (n > 0 && make_room_) TRY(make_room_(n));
    return n;
  }

 private:
  Source& from_;
  snapshot::Snapshotter::MakeRoom make_room_;
};

// Its inputs: what is below, and the layer.
class StackStep : public PlannedSolverStep {
 public:
  using PlannedSolverStep::PlannedSolverStep;
  KeyedBy keyed_by() const override { return KeyedBy::kDefinition; }
  KeyParts definition() const override { return {{PartKind::kOpaque, "stacked", "1"}}; }
  // The copy has told what there is to tell.
  void on_cached() override {}
  void on_missed(const Miss&) override {}

 private:
  Result<StepResult> perform(const std::vector<StepResult>& inputs,
                             const CancelToken& cancel) override {
    StepResult out = inputs.at(1);
    const std::string& below = inputs[0].id;
    if (below.empty()) return out;
    TRY(unpack_base());
    Layer& layer = *out.layer;
    layer.snapshot = oci::Digest::of(cat(below, " ", layer.diff_id.str())).str();
    TRY(site().lease.hold_snapshots({layer.snapshot}));
    images::ImageStore& images = site().site.images;
    if (!images.snapshots().stat(layer.snapshot)) {
      const auto blob = TRY(images.content().open(layer.blob.digest));
      const auto tar = TRY(open_decompressed(*blob));
      layer.room = std::make_shared<CacheRoom>(site().site.cache);
      RoomedSource within_limit(*tar, room_for(site().site, *layer.room));
      auto unpacked = images.snapshots().unpack(layer.snapshot, below, within_limit, cancel);
      // Another build may have made the same one meanwhile.
      if (!unpacked && unpacked.error().code() != Code::kAlreadyExists) {
        return std::move(unpacked.error()).with_context("lay the layer of --link");
      }
    }
    layer.size = TRY(images.snapshots().usage(layer.snapshot)).bytes;
    out.id = layer.snapshot;
    return out;
  }
};

}  // namespace

std::unique_ptr<Step> make_stack_step(StepSite& site, const StepPlace& place) {
  return std::make_unique<StackStep>(site, place);
}

}  // namespace skiff::builder
