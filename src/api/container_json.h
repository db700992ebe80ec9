// Containers as the API prints them: inspect, list, stats (engine-api.md 2.5).
#pragma once

#include "codec/json.h"
#include "engine/container_info.h"
#include "engine/stats.h"

namespace skiff::api {

json::Value container_inspect_json(const engine::ContainerInfo& info);
json::Value container_list_json(const engine::ContainerInfo& info, TimePoint now);
// Two samples make the rates; for one-shot `before` is an empty sample.
json::Value stats_json(const engine::ContainerInfo& info, const engine::StatsSample& now,
                       const engine::StatsSample& before);

}  // namespace skiff::api
