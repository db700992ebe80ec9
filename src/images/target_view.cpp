#include "images/target_view.h"

namespace skiff::images {

Result<TargetView> TargetView::of(Catalog& catalog, ImageReader& reader) {
  TargetView view;
  for (TargetRow& row : TRY(catalog.targets())) {
    ImageReader::ReachPtr reach = TRY(reader.reach_of(row.target));
    const oci::Digest digest = row.target.digest;
    const auto [at, is_new] =
        view.entries_.try_emplace(digest, Entry{std::move(row), std::move(reach)});
    const Entry& entry = at->second;
    const std::set<oci::Digest> images(entry.reach->images.begin(), entry.reach->images.end());
    for (const oci::Digest& image : images) view.leading_.emplace(image, &entry.row);
    if (!entry.row.parent.empty()) view.parents_.insert(entry.row.parent);
    if (entry.reach->damage) view.damaged_.insert(digest);
  }
  return view;
}

const TargetRow* TargetView::find(const oci::Digest& target) const {
  const auto found = entries_.find(target);
  return found == entries_.end() ? nullptr : &found->second.row;
}

std::vector<const TargetRow*> TargetView::leading_to(const oci::Digest& image) const {
  std::vector<const TargetRow*> rows;
  const auto [begin, end] = leading_.equal_range(image);
  for (auto at = begin; at != end; ++at) rows.push_back(at->second);
  return rows;
}

bool TargetView::has_children(const oci::Digest& image) const {
  return parents_.contains(image.str());
}

const Error* TargetView::damage_besides(const std::set<oci::Digest>& going) const {
  for (const oci::Digest& target : damaged_) {
    if (!going.contains(target)) return &*entries_.at(target).reach->damage;
  }
  return nullptr;
}

void TargetView::drop(const oci::Digest& target) {
  const auto found = entries_.find(target);
  if (found == entries_.end()) return;
  const TargetRow& row = found->second.row;
  for (const oci::Digest& image : found->second.reach->images) {
    const auto [begin, end] = leading_.equal_range(image);
    for (auto at = begin; at != end; ++at) {
      if (at->second != &row) continue;
      leading_.erase(at);
      break;
    }
  }
  if (const auto parent = parents_.find(row.parent); parent != parents_.end()) {
    parents_.erase(parent);
  }
  damaged_.erase(target);
  entries_.erase(found);
}

}  // namespace skiff::images
