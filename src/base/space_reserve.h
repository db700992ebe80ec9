// SpaceReserve: a file that takes up room for nothing, so that on a full disk there is some to
// give up: databases must write a little before anything can be removed.
//
//   SpaceReserve reserve(root / "reserve", bytes);
//   {
//     auto loan = reserve.borrow();   // the file is gone
//     ... remove things ...
//   }                                 // the last loan makes it again
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>

#include "base/file.h"

namespace skiff {

class SpaceReserve {
 public:
  // Nothing is made yet: what an earlier process left is given up.
  SpaceReserve(Path file, uint64_t bytes);
  SpaceReserve(const SpaceReserve&) = delete;
  SpaceReserve& operator=(const SpaceReserve&) = delete;

  class Loan {
   public:
    Loan(Loan&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    Loan& operator=(Loan&&) = delete;
    ~Loan() {
      if (owner_ != nullptr) owner_->give_back();
    }

   private:
    friend class SpaceReserve;
    explicit Loan(SpaceReserve* owner) : owner_(owner) {}
    SpaceReserve* owner_;
  };
  [[nodiscard]] Loan borrow();

 private:
  void give_back();
  Result<> make() const;

  const Path file_;
  const uint64_t bytes_;
  std::mutex mutex_;
  int loans_ = 0;
};

}  // namespace skiff
