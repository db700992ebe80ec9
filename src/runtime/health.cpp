#include "runtime/health.h"

#include "runtime/replace_file.h"

namespace skiff::runtime {

namespace {

json::Value to_json(const HealthProbe& probe) {
  return json::object({{"start", format_rfc3339(probe.start)},
                       {"end", format_rfc3339(probe.end)},
                       {"code", probe.exit_code},
                       {"output", probe.output}});
}

Result<HealthProbe> probe_from(const json::Value& value) {
  HealthProbe probe;
  probe.start = TRY(parse_rfc3339(value.string("start")));
  probe.end = TRY(parse_rfc3339(value.string("end")));
  probe.exit_code = static_cast<int>(value.integer("code"));
  probe.output = value.string("output");
  return probe;
}

}  // namespace

void note_probe(Health& health, const HealthProbe& probe, int retries, bool in_start_period) {
  health.log.push_back(probe);
  if (health.log.size() > Health::kMostLogged) health.log.erase(health.log.begin());
  if (probe.exit_code == 0) {
    health.status = "healthy";
    health.failing_streak = 0;
  } else if (health.status != "starting" || !in_start_period) {
    ++health.failing_streak;
    if (health.failing_streak >= retries) health.status = "unhealthy";
  }
}

json::Value to_json(const Health& health) {
  json::Array log;
  for (const HealthProbe& probe : health.log) log.push_back(to_json(probe));
  return json::object({{"status", health.status},
                       {"failing_streak", health.failing_streak},
                       {"log", std::move(log)}});
}

Result<Health> health_from(const json::Value& value) {
  Health health;
  health.status = TRY(value.require_string("status"));
  health.failing_streak = static_cast<int>(value.integer("failing_streak"));
  for (const json::Value& probe : value.array("log")) {
    health.log.push_back(TRY(probe_from(probe)));
  }
  return health;
}

Result<Health> read_health_file(const Path& file) {
  json::Value value = TRY_CONTEXT(json::parse(TRY(read_file(file))), file.native());
  return health_from(value).context(file.native());
}

Result<> write_health_file(const Path& file, const Health& health) {
  return replace_file(file, to_json(health).dump() + "\n");
}

}  // namespace skiff::runtime
