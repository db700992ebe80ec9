#include "upstream/mirror_report.h"

namespace skiff::upstream {

namespace {

constexpr size_t kMaxFailures = 20;

constexpr std::pair<const char*, int64_t MirrorReport::*> kCounts[] = {
    {"repositories", &MirrorReport::repositories},
    {"tags", &MirrorReport::tags},
    {"unchanged", &MirrorReport::unchanged},
    {"copied", &MirrorReport::copied},
    {"removed", &MirrorReport::removed},
    {"manifests", &MirrorReport::manifests},
    {"blobs", &MirrorReport::blobs},
    {"bytes", &MirrorReport::bytes},
    {"failed", &MirrorReport::failed}};

TimePoint time_of(const json::Value& v, std::string_view field) {
  return parse_rfc3339(v.string(field)).value_or(TimePoint{});
}

}  // namespace

void MirrorReport::fail(std::string what) {
  ++failed;
  if (failures.size() < kMaxFailures) failures.push_back(std::move(what));
}

json::Value MirrorReport::to_json() const {
  json::Value out = json::object({{"started", format_rfc3339(started)},
                                  {"ended", format_rfc3339(ended)},
                                  {"at", at},
                                  {"failures", failures}});
  for (const auto& [name, member] : kCounts) out.set(name, this->*member);
  return out;
}

MirrorReport MirrorReport::from_json(const json::Value& v) {
  MirrorReport out;
  out.started = time_of(v, "started");
  out.ended = time_of(v, "ended");
  out.at = v.string("at");
  out.failures = v.strings("failures");
  for (const auto& [name, member] : kCounts) out.*member = v.integer(name);
  return out;
}

}  // namespace skiff::upstream
