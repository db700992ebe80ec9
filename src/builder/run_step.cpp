#include "builder/run_step.h"

#include <algorithm>

#include "base/log.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "builder/executor.h"
#include "builder/failed_step.h"
#include "builder/planned_step.h"
#include "builder/redacting_sink.h"
#include "builder/step_mounts.h"

namespace skiff::builder {

namespace {

// Passes what a process prints on as events.
class OutputSink : public Sink {
 public:
  OutputSink(StepEvents& events, const StepId& step) : events_(events), step_(step) {}
  Result<> write(std::string_view bytes) override {
    events_.send(step_, StepOutput{step_, std::string(bytes)});
    return {};
  }

 private:
  StepEvents& events_;
  const StepId& step_;
};

class RunStep : public PlannedSolverStep {
 public:
  RunStep(StepSite& site, const StepPlace& place)
      : PlannedSolverStep(site, place), mounts_(site, step()) {}

  KeyedBy keyed_by() const override { return mounts_.keyed_by(); }
  KeyParts definition() const override;

 private:
  const PlannedRun& run() const { return std::get<PlannedRun>(step().what); }

  std::string network() const {
    std::string wanted = run().network.empty() ? site().request.network : run().network;
    return wanted.empty() || wanted == "default" ? "bridge" : wanted;
  }

  Result<KeyParts> look_at(const std::vector<StepResult>& inputs,
                           const CancelToken& cancel) override {
    return mounts_.content(inputs, cancel);
  }
  Result<StepResult> perform(const std::vector<StepResult>& inputs,
                             const CancelToken& cancel) override;
  Result<> check_allowed(const std::string& entitlement) const;
  Result<int> run_in_space(Workspace& space, RunFiles files, const CancelToken& cancel);
  std::string hostname() const {
    const auto given = site().request.build_args.find("BUILDKIT_SANDBOX_HOSTNAME");
    return given == site().request.build_args.end() ? "" : given->second.value_or("");
  }
  std::string keep(const std::string& below, Workspace& space, const CancelToken& cancel);
  // What a command set on purpose counts: make looks at it.
  Times times() const override { return Times::kOfTheRun; }
  // The classic builder's words for it, which its clients look for.
  std::string after_excerpt() const override { return failed_; }
  void tell_more(StepFailed& event) const override {
    event.exit_code = exit_code_;
    event.kept = kept_;
  }

  StepMounts mounts_;
  std::string failed_;
  int exit_code_ = 0;
  std::string kept_;  // of what it has left
};

KeyParts RunStep::definition() const {
  KeyParts parts{{PartKind::kText, "command", join(run().args, " ")}};
  // Words with blanks in them are told from several words.
  for (size_t i = 0; i < run().args.size(); ++i) {
    parts.push_back({PartKind::kOpaque, cat("word ", i + 1, " of the command"), run().args[i]});
  }
  for (const auto& [name, value] : run().build_args) {
    parts.push_back(untold_part(cat("build argument ", name), value));
  }
  for (const std::string& entry : run().env) {
    size_t at = entry.find('=');
    parts.push_back(
        untold_part(cat("environment variable ", entry.substr(0, at)),
                    std::string_view(entry).substr(std::min(at, entry.size() - 1) + 1)));
  }
  parts.push_back(untold_part("working directory", run().working_dir));
  parts.push_back(untold_part("user", run().user));
  parts.push_back({PartKind::kValue, "network", network()});
  if (!hostname().empty()) parts.push_back(untold_part("hostname", hostname()));
  if (run().insecure) parts.push_back({PartKind::kValue, "security", "insecure"});
  parts.push_back({PartKind::kValue, "platform", stage().platform.str()});
  if (run().script) parts.push_back({PartKind::kOpaque, "script", run().script->second});
  KeyParts mounts = mounts_.definition();
  parts.insert(parts.end(), mounts.begin(), mounts.end());
  return parts;
}

Result<int> RunStep::run_in_space(Workspace& space, RunFiles files, const CancelToken& cancel) {
  const BuildRequest& request = site().request;
  OutputSink output(site().events, id());
  RedactingSink redacted(output, files.secrets);
  RunSettings settings{.network = network(),
                       .extra_hosts = request.extra_hosts,
                       .limits = request.limits,
                       .shm_bytes = request.shm_bytes,
                       .ulimits = request.ulimits,
                       .cgroup_parent = request.cgroup_parent,
                       .hostname = hostname(),
                       .files = std::move(files)};
  auto code = run_in(site().site, space, run(), stage().platform, settings, redacted, cancel);
  TRY(redacted.finish());
  return code;
}

// The failure of the step is what is told in any case.
std::string RunStep::keep(const std::string& below, Workspace& space, const CancelToken& cancel) {
  if (!site().request.keep_failed) return "";
  auto kept = keep_failed_step(site(), place(), below, space, cancel);
  if (kept) return std::move(*kept);
  log_warn(cat("keep what a failed step has left: ", kept.error().message()));
  return "";
}

Result<> RunStep::check_allowed(const std::string& entitlement) const {
  if (site().request.entitlements.contains(entitlement)) return {};
  return Error(Code::kPermissionDenied,
               cat(entitlement, " is not allowed: build with --allow ", entitlement));
}

Result<StepResult> RunStep::perform(const std::vector<StepResult>& inputs,
                                    const CancelToken& cancel) {
  if (run().insecure) TRY(check_allowed("security.insecure"));
  // Of a Dockerfile's own; the network that the whole build was given is its caller's wish.
  const bool on_host = run().network == "host" && site().request.network != "host";
  if (on_host) TRY(check_allowed("network.host"));
  TRY(unpack_base());
  Workspace space = TRY(Workspace::make(site().site, inputs[0].id));
  const ScopeExit release([this] { mounts_.release(); });
  RunFiles files = TRY(mounts_.make_ready(inputs, space, cancel));
  const int code = TRY(run_in_space(space, std::move(files), cancel));
  TRY(cancel.check());
  if (code == 0) return finish(space, cancel);
  exit_code_ = code;
  kept_ = keep(inputs[0].id, space, cancel);
  failed_ = cat("\nThe command '", join(run().args, " "), "' returned a non-zero code: ", code);
  return Error(Code::kAborted, cat("process ", skiff::quoted(join(run().args, " ")),
                                   " did not complete successfully: exit code: ", code));
}

}  // namespace

std::unique_ptr<Step> make_run_step(StepSite& site, const StepPlace& place) {
  return std::make_unique<RunStep>(site, place);
}

}  // namespace skiff::builder
