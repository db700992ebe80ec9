// Histogram: how often something took how long. Thread-safe; recording costs two additions.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace skiff::registry {

class Histogram {
 public:
  // Upper bounds of all buckets but the last, which has none.
  static constexpr std::array<std::chrono::microseconds, 12> kBounds = {{
      std::chrono::microseconds(50),
      std::chrono::microseconds(250),
      std::chrono::milliseconds(1),
      std::chrono::milliseconds(5),
      std::chrono::milliseconds(25),
      std::chrono::milliseconds(100),
      std::chrono::milliseconds(500),
      std::chrono::milliseconds(2'500),
      std::chrono::seconds(10),
      std::chrono::seconds(60),
      std::chrono::seconds(300),
      std::chrono::seconds(1'800),
  }};
  static constexpr size_t kBuckets = kBounds.size() + 1;

  void record(std::chrono::nanoseconds took) {
    size_t bucket = 0;
    while (bucket < kBounds.size() && took > kBounds[bucket]) ++bucket;
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    nanoseconds_.fetch_add(static_cast<uint64_t>(took.count()), std::memory_order_relaxed);
  }
  // Of that bucket alone.
  uint64_t count(size_t bucket) const { return counts_[bucket].load(std::memory_order_relaxed); }
  double seconds() const {
    return static_cast<double>(nanoseconds_.load(std::memory_order_relaxed)) / 1e9;
  }

 private:
  std::array<std::atomic<uint64_t>, kBuckets> counts_{};
  std::atomic<uint64_t> nanoseconds_ = 0;
};

}  // namespace skiff::registry
