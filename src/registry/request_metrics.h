// RequestMetrics: counts of all requests by endpoint, method and class of status, their times and
// bytes. Never by repository, user or address: what is told must not grow with what is stored.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string_view>
#include <vector>

#include "registry/histogram.h"
#include "registry/metrics_text.h"
#include "registry/observer.h"

namespace skiff::registry {

class RequestMetrics : public Observer {
 public:
  // `more`: endpoints beside those of the distribution API; literals. Others count as "other".
  explicit RequestMetrics(const std::vector<std::string_view>& more);

  void began() override { under_way_.fetch_add(1, std::memory_order_relaxed); }
  void answered(const RequestRecord& record) override;
  void write(MetricsText& out) const;

 private:
  using Counter = std::atomic<uint64_t>;
  static constexpr size_t kMethods = 7;
  static constexpr size_t kClasses = 4;
  struct Endpoint {
    std::string_view name;
    std::array<std::array<Counter, kClasses>, kMethods> requests{};
    Counter received = 0;
    Counter sent = 0;
    Histogram took;
    bool seen() const;
  };
  Endpoint& endpoint(std::string_view name);
  void write_requests(MetricsText& out) const;
  void write_bytes(MetricsText& out) const;

  std::vector<std::unique_ptr<Endpoint>> endpoints_;  // the last is "other"
  std::vector<std::string_view> codes_;               // of refusals
  std::vector<Counter> refusals_;                     // by code, and of others
  Counter broken_ = 0;
  std::atomic<int64_t> under_way_ = 0;
};

}  // namespace skiff::registry
