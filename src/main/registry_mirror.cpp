// skiff-registry mirror
#include <cstdio>
#include <filesystem>

#include "base/strings.h"
#include "main/data_root.h"
#include "main/registry_commands.h"
#include "manage/control.h"
#include "upstream/mirror_report.h"
#include "upstream/mirror_settings.h"

namespace skiff {

namespace {

Result<json::Value> operate(
    const Invocation& call, std::string_view what, json::Value arguments,
    const manage::Tell& tell = [](const json::Value&) {}) {
  arguments.set("do", std::string(what));
  return manage::operate(TRY(data_root(call.root)), "mirror", arguments, tell);
}

json::Value named(const Invocation& call) {
  return json::object({{"name", call.operands.front()}});
}

Result<std::chrono::seconds> interval(const std::string& text) {
  if (text.empty()) return std::chrono::seconds(0);
  constexpr uint64_t kLongestInterval = 100'000;
  const auto n = parse_uint(std::string_view(text).substr(0, text.size() - 1));
  const auto count = static_cast<int64_t>(n.value_or(0));
  const bool is_number = n && *n > 0 && *n <= kLongestInterval;
  if (is_number && text.ends_with('m')) return std::chrono::minutes(count);
  if (is_number && text.ends_with('h')) return std::chrono::hours(count);
  if (is_number && text.ends_with('d')) return std::chrono::days(count);
  return Error(Code::kInvalidArgument,
               cat("invalid value for --every: ", skiff::quoted(text), ": 30m, 6h or 1d"));
}

// The server may run elsewhere.
std::string absolute(const std::string& file) {
  std::error_code ignored;
  return file.empty() ? file : std::filesystem::absolute(file, ignored).native();
}

Result<> put_mirror(const Invocation& call, std::string_view what) {
  upstream::MirrorSettings settings;
  settings.url = call.operands[1];
  settings.is_push = call.push;
  settings.place = call.place;
  settings.credentials = absolute(call.credentials);
  settings.ca = absolute(call.ca);
  settings.repositories = call.repositories;
  settings.tags = call.tags;
  settings.platforms = call.platforms;
  settings.every = TRY(interval(call.every));
  settings.referrers = call.referrers;
  settings.remove = call.remove_gone;
  TRY(check(settings));
  json::Value arguments = settings.to_json();
  arguments.set("name", call.operands.front());
  TRY(operate(call, what, std::move(arguments)));
  return {};
}

Result<> add_mirror(const Invocation& call) { return put_mirror(call, "add"); }
Result<> change_mirror(const Invocation& call) { return put_mirror(call, "change"); }

std::string outcome_text(const upstream::MirrorReport& report) {
  if (report.started == TimePoint{}) return "has not run";
  if (!report.is_over()) return cat("at ", report.at.empty() ? "its beginning" : report.at);
  return cat(report.copied, " of ", report.tags, " tags copied, ", report.removed, " deleted, ",
             report.failed, " failed");
}

Result<> list_mirrors(const Invocation& call) {
  const json::Value all = TRY(operate(call, "list", json::object()));
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "FROM", "TO", "REPOSITORIES", "NEXT RUN", "LAST RUN"}};
  for (const json::Value& each : all.array("mirrors")) {
    const auto settings = upstream::MirrorSettings::from_json(*each.find("settings"));
    if (!settings) return settings.error();
    const json::Value* last = each.find("last");
    const auto report =
        last == nullptr ? upstream::MirrorReport{} : upstream::MirrorReport::from_json(*last);
    const std::string here = settings->place.empty() ? "here" : cat(settings->place, "/");
    const std::string next = each.string("next");
    rows.push_back({each.string("name"), settings->is_push ? here : settings->url,
                    settings->is_push ? settings->url : here, join(settings->repositories, " "),
                    next.empty() ? "by hand" : next, outcome_text(report)});
  }
  print_table(rows);
  return {};
}

void print_report(const upstream::MirrorReport& report) {
  for (const std::string& failure : report.failures) puts(cat("failed: ", failure).c_str());
  puts(cat(report.repositories, " repositories, ", report.tags, " tags: ", report.copied,
           " copied, ", report.unchanged, " unchanged, ", report.removed, " deleted, ",
           report.failed, " failed; ", report.manifests, " manifests and ", report.blobs,
           " blobs moved (", report.bytes, " bytes)")
           .c_str());
}

Result<> run_mirror(const Invocation& call) {
  std::string at;
  const manage::Tell tell = [&](const json::Value& event) {
    const json::Value* report = event.find("mirror");
    if (report == nullptr || report->string("at") == at) return;
    at = report->string("at");
    if (!at.empty()) puts(at.c_str());
    fflush(stdout);
  };
  const auto report =
      upstream::MirrorReport::from_json(TRY(operate(call, "run", named(call), tell)));
  print_report(report);
  if (!report.is_over()) return Error(Code::kAborted, "it was broken off; run it again to go on");
  if (report.failed == 0) return {};
  return Error(Code::kFailedPrecondition, cat(report.failed, " could not be copied"));
}

Result<> remove_mirror(const Invocation& call) {
  TRY(operate(call, "remove", named(call)));
  return {};
}

constexpr Verb kMirrorVerbs[] = {
    {"mirror add", "NAME URL", "Copy images of another registry to this one, or from it",
     "repository tag platform place every credentials ca push referrers delete", 2, 2, add_mirror},
    {"mirror change", "NAME URL",
     "Give a mirror other settings; those not given are as of a new one",
     "repository tag platform place every credentials ca push referrers delete", 2, 2,
     change_mirror},
    {"mirror list", "", "Show the mirrors and what became of them", "", 0, 0, list_mirrors},
    {"mirror run", "NAME", "Run a mirror now, to its end", "", 1, 1, run_mirror},
    {"mirror remove", "NAME", "Forget a mirror; what it copied stays", "", 1, 1, remove_mirror},
};

}  // namespace

std::span<const Verb> mirror_verbs() { return kMirrorVerbs; }

}  // namespace skiff
