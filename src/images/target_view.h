// TargetView: the targets of the catalog at one moment and what leads to each image: for decisions
// about one target that depend on all others, of which there may be thousands. For one thread, as
// long as nobody else changes the catalog.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "images/catalog.h"
#include "images/image_reader.h"

namespace skiff::images {

class TargetView {
 public:
  static Result<TargetView> of(Catalog& catalog, ImageReader& reader);

  // Null where it is not recorded. Valid until it is dropped.
  const TargetRow* find(const oci::Digest& target) const;
  // Those that can have the image, last changed first.
  std::vector<const TargetRow*> leading_to(const oci::Digest& image) const;
  // Whether a target was made from the image.
  bool has_children(const oci::Digest& image) const;
  // Why it is unknown what a target needs that is none of `going`; null where all is known.
  const Error* damage_besides(const std::set<oci::Digest>& going) const;
  // As the catalog will drop it.
  void drop(const oci::Digest& target);

 private:
  struct Entry {
    TargetRow row;
    ImageReader::ReachPtr reach;
  };
  std::map<oci::Digest, Entry> entries_;
  std::multimap<oci::Digest, const TargetRow*> leading_;  // by image
  std::multiset<std::string> parents_;                    // ids
  std::set<oci::Digest> damaged_;
};

}  // namespace skiff::images
