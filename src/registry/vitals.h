// Vitals: how a registry is, for those who look after it. /healthz: it is alive; /readyz: its
// database and store answer, and it is not about to stop; /metrics: numbers for Prometheus.
//
// Anybody may ask for the first two, which tell no more than that. /metrics on the registry's own
// address is for who asks from this machine and for nobody else: a request that came through a
// proxy is not answered.
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "net/http_server.h"
#include "registry/extension.h"
#include "registry/metrics_text.h"

namespace skiff::registry {

class Vitals {
 public:
  struct Probe {
    std::string_view name;  // "database"
    std::function<Result<>()> run;
  };
  using Writer = std::function<void(MetricsText&)>;

  Vitals(std::vector<Probe> probes, std::vector<Writer> writers)
      : probes_(std::move(probes)), writers_(std::move(writers)) {}

  // For the registry's address; must not outlive it.
  std::vector<Extension> extensions();
  // For an address of its own, where /metrics is for everybody; must not outlive it.
  net::Handler handler();
  // From now on it is not ready.
  void stopping() { stopping_ = true; }

 private:
  struct Health {
    int status = 200;
    std::string body;
  };
  Health health();
  std::string metrics();

  const std::vector<Probe> probes_;
  const std::vector<Writer> writers_;
  std::atomic<bool> stopping_ = false;
};

inline constexpr std::string_view kMetricsPath = "/metrics";
inline constexpr std::string_view kAlivePath = "/healthz";
inline constexpr std::string_view kReadyPath = "/readyz";

}  // namespace skiff::registry
