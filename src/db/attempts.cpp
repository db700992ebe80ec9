#include "db/attempts.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

namespace skiff {

void wait_before_attempt(int attempt) {
  constexpr int kLongest = 64;
  constexpr int kDoublings = 6;
  static thread_local std::minstd_rand random(std::random_device{}());
  const int most = std::min(kLongest, 1 << std::min(attempt, kDoublings));
  std::uniform_int_distribution<int> microseconds(0, most * 1000);
  std::this_thread::sleep_for(std::chrono::microseconds(microseconds(random)));
}

}  // namespace skiff
