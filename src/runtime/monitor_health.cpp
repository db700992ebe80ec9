#include "runtime/monitor_health.h"

#include <csignal>

#include "base/strings.h"

namespace skiff::runtime {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr int kNotRun = -1;

// As Docker prints it, near enough: "30s", "500ms".
std::string duration_text(milliseconds length) {
  if (length.count() % 1000 == 0) return cat(length.count() / 1000, "s");
  return cat(length.count(), "ms");
}

}  // namespace

HealthChecker::HealthChecker(EventLoop& loop, Container& container, const HealthCheck& check,
                             Path file, std::function<void(Result<> kept)> on_probe)
    : loop_(loop),
      container_(container),
      check_(check),
      file_(std::move(file)),
      on_probe_(std::move(on_probe)),
      began_(steady_clock::now()) {}

HealthChecker::~HealthChecker() {
  loop_.cancel_call(next_call_);
  loop_.cancel_call(timeout_call_);
}

Result<> HealthChecker::begin() {
  probe_later();
  // What the probes of an earlier run told is over.
  return write_health_file(file_, Health());
}

bool HealthChecker::in_start_period() const {
  return steady_clock::now() - began_ < check_.start_period;
}

void HealthChecker::probe_later() {
  const bool early = starting_ && in_start_period();
  next_call_ =
      loop_.call_after(early ? check_.start_interval : check_.interval, [this] { probe(); });
}

void HealthChecker::probe() {
  // The last one's streams end here and not in their own handler.
  probe_.reset();
  if (container_.cgroup().frozen()) {
    probe_later();
    return;
  }
  probe_ = std::make_unique<Probe>();
  probe_->result.start = Clock::system().now();
  probe_->in_start_period = in_start_period();
  if (Result<> launched = launch(); !launched) {
    if (probe_->pid != 0) ::kill(std::exchange(probe_->pid, 0), SIGKILL);
    probe_->result.exit_code = kNotRun;
    probe_->result.output = launched.error().message();
    probe_ended();
  }
}

Result<> HealthChecker::launch() {
  OciProcess process = container_.config().process.value_or(OciProcess{});
  process.args = check_.command;
  process.terminal = false;
  IoCallbacks callbacks{
      .on_output =
          [this](OutputStream, std::string_view bytes) {
            std::string& output = probe_->result.output;
            output.append(bytes.substr(0, HealthProbe::kLongestOutput - output.size()));
          },
      .on_drained = [this] { probe_ended(); },
      .on_client_gone = [] {}};
  probe_->io = std::make_unique<ProcessIo>(loop_, IoOptions{}, std::move(callbacks));
  TRY(probe_->io->open());
  sys::Child child = TRY(container_.exec(process, {.stdio = probe_->io->stdio()}));
  probe_->pid = child.pid;
  timeout_call_ = loop_.call_after(check_.timeout, [this] { time_out(); });
  return probe_->io->begin();
}

void HealthChecker::time_out() {
  probe_->late = true;
  // Our child, not reaped yet: its number is still its own.
  if (probe_->pid != 0) ::kill(probe_->pid, SIGKILL);
}

bool HealthChecker::child_ended(int pid, int code) {
  if (!probe_ || probe_->pid != pid) return false;
  probe_->pid = 0;
  probe_->result.exit_code = code;
  probe_->io->process_ended();
  return true;
}

void HealthChecker::probe_ended() {
  loop_.cancel_call(timeout_call_);
  HealthProbe result = std::move(probe_->result);
  result.end = Clock::system().now();
  if (probe_->late) {
    result.exit_code = kNotRun;
    const std::string_view sep = result.output.empty() ? "" : ": ";
    result.output = cat("Health check exceeded timeout (", duration_text(check_.timeout), ")", sep,
                        result.output);
  }
  note(result, probe_->in_start_period);
  probe_later();
}

void HealthChecker::note(const HealthProbe& result, bool lenient) {
  // A file that is lost or broken begins anew.
  Health health = read_health_file(file_).value_or(Health());
  note_probe(health, result, check_.retries, lenient);
  starting_ = health.status == "starting";
  on_probe_(write_health_file(file_, health));
}

}  // namespace skiff::runtime
