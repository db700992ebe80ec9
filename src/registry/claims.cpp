#include "registry/claims.h"

#include "base/log.h"
#include "base/strings.h"

namespace skiff::registry {

namespace {

constexpr std::chrono::seconds kLasts{60};
constexpr std::chrono::seconds kRenewEvery{20};

}  // namespace

Result<std::unique_ptr<Claim>> Claim::take(Claims& claims, std::string name, std::string holder,
                                           const Clock& clock) {
  std::optional<std::string> note = TRY(claims.claim(name, holder, clock.now() + kLasts));
  if (!note) return std::unique_ptr<Claim>();
  return std::unique_ptr<Claim>(
      new Claim(claims, std::move(name), std::move(holder), *std::move(note), clock));
}

Claim::Claim(Claims& claims, std::string name, std::string holder, std::string note,
             const Clock& clock)
    : claims_(claims),
      name_(std::move(name)),
      holder_(std::move(holder)),
      note_(std::move(note)),
      clock_(clock),
      thread_([this](const std::stop_token& stop) { renew(stop); }) {}

Claim::~Claim() {
  thread_.request_stop();
  thread_.join();
  const Result<> done = claims_.give_up_claim(name_, holder_);
  if (!done) log_warn(cat("claim of ", name_, ": ", done.error().message()));
}

void Claim::renew(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    wake_.wait_for(lock, stop, kRenewEvery, [] { return false; });
    if (stop.stop_requested()) return;
    const auto renewed = claims_.claim(name_, holder_, clock_.now() + kLasts);
    if (!renewed) log_warn(cat("claim of ", name_, ": ", renewed.error().message()));
    if (renewed && !*renewed) log_warn(cat("claim of ", name_, ": another server has it now"));
  }
}

}  // namespace skiff::registry
