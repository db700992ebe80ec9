// BegunPulls: the pulls that are under way, and the catalog's rows by which what a broken-off one
// fetched is kept. Thread-safe.
//
//   BegunPulls::Pull pull = TRY(begun.begin(target, now));
//   ... the target is put into the catalog, which ends the row; or
//   TRY(pull.give_up());   // nobody is to go on with it
#pragma once

#include <map>
#include <mutex>
#include <utility>

#include "images/catalog.h"

namespace skiff::images {

class BegunPulls {
 public:
  explicit BegunPulls(Catalog& catalog) : catalog_(catalog) {}

  class Pull {
   public:
    Pull(Pull&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), target_(std::move(other.target_)) {}
    Pull& operator=(Pull&&) = delete;
    ~Pull();
    // Once. The row stays while others pull the same target: the last of them decides.
    Result<> give_up();

   private:
    friend class BegunPulls;
    Pull(BegunPulls* owner, oci::Digest target) : owner_(owner), target_(std::move(target)) {}
    BegunPulls* owner_;
    oci::Digest target_;
  };
  Result<Pull> begin(const oci::Descriptor& target, TimePoint now);

 private:
  Catalog& catalog_;
  std::mutex mutex_;
  std::map<oci::Digest, int> under_way_;
};

}  // namespace skiff::images
