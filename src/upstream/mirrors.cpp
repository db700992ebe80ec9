#include "upstream/mirrors.h"

#include "base/log.h"
#include "base/strings.h"
#include "oci/reference.h"
#include "upstream/mirror_run.h"

namespace skiff::upstream {

namespace {

constexpr std::chrono::seconds kWakeEach{5};
constexpr TimePoint kNever = TimePoint::max();

Error unknown(const std::string& name) {
  return Error(Code::kNotFound, cat("there is no mirror ", skiff::quoted(name)));
}

MirrorReport last_report(const registry::MirrorRow& row) {
  if (row.state.empty()) return {};
  const auto state = json::parse(row.state);
  return state ? MirrorReport::from_json(*state) : MirrorReport{};
}

json::Value describe(const registry::MirrorRow& row) {
  json::Value out = json::object({{"name", row.name}});
  if (auto settings = json::parse(row.settings)) out.set("settings", *settings);
  if (row.next_run != kNever) out.set("next", format_rfc3339(row.next_run));
  if (!row.state.empty()) out.set("last", last_report(row).to_json());
  return out;
}

bool was_broken_off(const registry::MirrorRow& row) {
  return !row.state.empty() && !last_report(row).is_over();
}

}  // namespace

Mirrors::Running::~Running() {
  if (mirrors_ == nullptr) return;
  claim.reset();
  std::lock_guard lock(mirrors_->mutex_);
  mirrors_->running_.erase(name_);
}

void Mirrors::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
}

void Mirrors::loop(const std::stop_token& stop) {
  bool is_first = true;
  while (!stop.stop_requested()) {
    run_due(is_first);
    is_first = false;
    std::unique_lock lock(mutex_);
    const bool hurries =
        wake_.wait_for(lock, stop, kWakeEach, [this] { return std::exchange(hurry_, false); });
    if (hurries) pauses_ = {};
  }
}

bool Mirrors::is_due(const registry::MirrorRow& row, bool is_first) const {
  return row.next_run <= clock_.now() || (is_first && was_broken_off(row));
}

Result<> Mirrors::run_if_due(const std::string& name, bool is_first) {
  const Running running = TRY(begin(name));
  if (!running.claim) return {};
  // As it is now: another server may have run it since it was looked at.
  const registry::MirrorRow row = TRY(find(name));
  if (is_due(row, is_first)) TRY(run(row, {}, cancel_.token()));
  return {};
}

void Mirrors::run_due(bool is_first) {
  const auto is_over = [this](const std::string& name) { return pauses_.over(name, clock_.now()); };
  if (!is_over("")) return;
  const auto rows = context_.metadata.mirrors();
  pauses_.note("", rows, clock_.now());
  if (!rows) log_warn(cat("mirrors: ", rows.error().message()));
  for (const registry::MirrorRow& row : rows.value_or(std::vector<registry::MirrorRow>())) {
    if (!is_due(row, is_first) || !is_over(row.name) || cancel_.token().cancelled()) continue;
    const Result<> done = run_if_due(row.name, is_first);
    pauses_.note(row.name, done, clock_.now());
    if (!done) log_warn(cat("mirror ", row.name, ": ", done.error().message()));
  }
}

Result<registry::MirrorRow> Mirrors::find(const std::string& name) {
  for (registry::MirrorRow& row : TRY(context_.metadata.mirrors())) {
    if (row.name == name) return std::move(row);
  }
  return unknown(name);
}

Result<Mirrors::Running> Mirrors::begin(const std::string& name) {
  {
    std::lock_guard lock(mutex_);
    if (!running_.insert(name).second) return Running{};
  }
  Running running(*this, name);
  running.claim =
      TRY(registry::Claim::take(context_.metadata, cat("mirror ", name), context_.server, clock_));
  return running;
}

Result<MirrorReport> Mirrors::run(const registry::MirrorRow& row, const Tell& tell,
                                  const CancelToken& cancel) {
  const json::Value settings_json = TRY(json::parse(row.settings));
  const MirrorSettings settings = TRY(MirrorSettings::from_json(settings_json));
  // First: a run that ends badly is not begun again at once.
  const TimePoint next = settings.every.count() > 0 ? clock_.now() + settings.every : kNever;
  TRY(context_.metadata.schedule_mirror(row.name, next));
  const auto told = [&](const MirrorReport& report) {
    const json::Value state = report.to_json();
    const Result<> saved = context_.metadata.save_mirror_state(row.name, state.dump());
    if (!saved) log_warn(cat("mirror ", row.name, ": ", saved.error().message()));
    if (tell) tell(json::object({{"mirror", state}}));
  };
  OriginOptions origin = TRY(settings.origin());
  MirrorRun all(context_, clock_, settings, std::move(origin), cat("mirror ", row.name), told);
  MirrorReport report = all.run(cancel);
  log_info(cat("mirror ", row.name, ": ", report.copied, " of ", report.tags, " tags copied, ",
               report.blobs, " blobs of ", report.bytes, " bytes, ", report.failed, " failures"));
  return report;
}

Result<json::Value> Mirrors::operate(std::string_view what, const json::Value& arguments,
                                     const Tell& tell, const CancelToken& cancel) {
  const std::string name = arguments.string("name");
  if (what == "add") return add(arguments);
  if (what == "change") return change(arguments);
  if (what == "list") return list();
  if (what == "get") return describe(TRY(find(name)));
  if (what == "start") return start(name);
  if (what == "remove") {
    if (!TRY(context_.metadata.remove_mirror(name))) return unknown(name);
    return json::object();
  }
  if (what == "run") {
    const registry::MirrorRow row = TRY(find(name));
    const Running running = TRY(begin(name));
    if (!running.claim) {
      return Error(Code::kUnavailable, cat("mirror ", name, " is running, here or elsewhere"));
    }
    return TRY(run(row, tell, cancel)).to_json();
  }
  return Error(Code::kInvalidArgument, cat("mirrors do not ", what));
}

// Never run before; one with a time runs at once.
Result<registry::MirrorRow> Mirrors::row_of(const json::Value& arguments) {
  const std::string name = arguments.string("name");
  if (!oci::valid_tag(name)) {
    return Error(Code::kInvalidArgument,
                 cat(skiff::quoted(name), " is no name for a mirror: letters, digits, - _ ."));
  }
  const MirrorSettings settings = TRY(MirrorSettings::from_json(arguments));
  TRY(settings.origin());
  return registry::MirrorRow{.name = name,
                             .settings = settings.to_json().dump(),
                             .next_run = settings.every.count() > 0 ? clock_.now() : kNever,
                             .state = ""};
}

Result<json::Value> Mirrors::add(const json::Value& arguments) {
  TRY(context_.metadata.add_mirror(TRY(row_of(arguments))));
  return json::object();
}

Result<json::Value> Mirrors::change(const json::Value& arguments) {
  const registry::MirrorRow row = TRY(row_of(arguments));
  if (!TRY(context_.metadata.change_mirror(row))) return unknown(row.name);
  return json::object();
}

Result<json::Value> Mirrors::start(const std::string& name) {
  TRY(find(name));
  {
    std::lock_guard lock(mutex_);
    if (running_.contains(name)) {
      return Error(Code::kUnavailable, cat("mirror ", name, " is running"));
    }
  }
  TRY(context_.metadata.schedule_mirror(name, clock_.now()));
  {
    std::lock_guard lock(mutex_);
    hurry_ = true;
  }
  wake_.notify_all();
  return json::object();
}

Result<json::Value> Mirrors::list() {
  json::Array out;
  for (const registry::MirrorRow& row : TRY(context_.metadata.mirrors())) {
    out.push_back(describe(row));
  }
  return json::object({{"mirrors", std::move(out)}});
}

}  // namespace skiff::upstream
