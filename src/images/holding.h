// Holding: the lease under which an operation works on images; see ImageLease.
//
//   const auto holding = TRY(Holding::make(parts));
//   if (!TRY(holding->hold_target(row.target))) ...   // removed since: look it up again
#pragma once

#include "images/parts.h"

namespace skiff::images {

class Holding : public ImageLease {
 public:
  static Result<std::unique_ptr<Holding>> make(Parts& parts);
  Holding(Parts& parts, std::unique_ptr<content::Lease> lease);
  Holding(const Holding&) = delete;
  Holding& operator=(const Holding&) = delete;
  ~Holding() override;

  Result<> hold(const oci::Digest& digest) override;
  Result<> hold_snapshots(std::vector<std::string> names) override;
  Result<bool> hold_image(const Image& image) override;
  // All that a recorded target leads to, of every platform; false where it is recorded no more.
  Result<bool> hold_target(const oci::Descriptor& target);

 private:
  Result<> keep(const oci::Digest& digest);
  Result<bool> is_recorded(const oci::Digest& target);

  Parts& parts_;
  std::unique_ptr<content::Lease> lease_;
  const uint64_t passed_over_;
  std::mutex mutex_;  // of what follows
  std::vector<Garbage::Pin> pins_;
  Garbage::Candidates held_;
  bool has_made_ = false;  // something that was perhaps not put
};

}  // namespace skiff::images
