#include "api/build_arguments.h"

#include "base/strings.h"
#include "codec/json_types.h"
#include "engine/cpuset.h"
#include "engine/resource_rules.h"

namespace skiff::api {

namespace {

using json::Type;

// In one document, so that errors name what is wrong from the parameter on.
constexpr json::Field kTypes[] = {
    {"buildargs", Type::kObject},         {"buildargs.*", Type::kString},
    {"cachefrom", Type::kStrings},        {"labels", Type::kObject},
    {"labels.*", Type::kString},          {"outputs", Type::kObjects},
    {"outputs[].Type", Type::kString},    {"outputs[].Attrs", Type::kObject},
    {"outputs[].Attrs.*", Type::kString}, {"ulimits", Type::kObjects},
    {"ulimits[].Name", Type::kString},    {"ulimits[].Soft", Type::kInt},
    {"ulimits[].Hard", Type::kInt},
};

// Null when absent.
Result<json::Value> json_argument(const Call& call, std::string_view key) {
  const std::string text = call.arg(key);
  if (text.empty()) return json::Value();
  json::Value value = TRY_CONTEXT(json::parse(text), cat("parameter ", key));
  json::Value document;
  document.set(key, value);
  TRY_CONTEXT(json::check_types(document, kTypes), cat("parameter ", key));
  return value;
}

Error missing(std::string_view parameter, size_t number, std::string_view member) {
  return {Code::kInvalidArgument,
          cat("parameter ", parameter, ": ", parameter, "[", number, "] has no ", member)};
}

}  // namespace

Result<> refuse_unserved_build(const Call& call) {
  TRY(refuse_arguments(call, {"squash"}));
  const std::string isolation = call.arg("isolation");
  if (!isolation.empty() && to_lower(isolation) != "default") {
    return Error(Code::kInvalidArgument, cat("Unsupported isolation: ", quoted(isolation)));
  }
  for (const std::string& option : call.request.query.all("securityopt")) {
    if (option.empty()) continue;
    return Error(Code::kInvalidArgument,
                 "The daemon on this platform does not support setting security options on build");
  }
  return {};
}

Result<std::vector<std::string>> cache_from_argument(const Call& call) {
  const json::Value names = TRY(json_argument(call, "cachefrom"));
  std::vector<std::string> out;
  for (const json::Value& name : names.as_array()) {
    if (name.as_string().empty()) return missing("cachefrom", out.size(), "name");
    out.push_back(name.as_string());
  }
  return out;
}

Result<std::vector<net::ExtraHost>> extra_hosts_argument(const Call& call) {
  std::vector<net::ExtraHost> out;
  for (const std::string& entry : call.request.query.all("extrahosts")) {
    out.push_back(TRY(net::parse_extra_host(entry)));
  }
  return out;
}

Result<std::map<std::string, std::optional<std::string>>> build_args_argument(const Call& call) {
  const json::Value args = TRY(json_argument(call, "buildargs"));
  std::map<std::string, std::optional<std::string>> out;
  for (const auto& [name, value] : args.as_object()) {
    out[name] = value.is_null() ? std::nullopt : std::optional(value.as_string());
  }
  return out;
}

Result<std::map<std::string, std::string>> labels_argument(const Call& call) {
  const json::Value labels = TRY(json_argument(call, "labels"));
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : labels.as_object()) out[key] = value.as_string();
  return out;
}

Result<runtime::Limits> limits_argument(const Call& call) {
  runtime::Limits out;
  out.memory_bytes = TRY(number_argument(call, "memory", 0));
  out.memory_swap_bytes = TRY(number_argument(call, "memswap", 0));
  out.cpu_shares = TRY(number_argument(call, "cpushares", 0));
  out.cpu_period_us = TRY(number_argument(call, "cpuperiod", 0));
  out.cpu_quota_us = TRY(number_argument(call, "cpuquota", 0));
  out.cpuset_cpus = call.arg("cpusetcpus");
  out.cpuset_mems = call.arg("cpusetmems");
  return out;
}

Result<> check_limits(const runtime::Limits& limits) {
  engine::Resources resources{.memory = limits.memory_bytes,
                              .memory_swap = limits.memory_swap_bytes,
                              .cpu_shares = limits.cpu_shares,
                              .cpu_period = limits.cpu_period_us,
                              .cpu_quota = limits.cpu_quota_us,
                              .cpuset_cpus = limits.cpuset_cpus,
                              .cpuset_mems = limits.cpuset_mems};
  TRY(engine::check_resources(resources));
  return engine::check_cpuset(resources);
}

Result<int64_t> shm_size_argument(const Call& call) {
  const int64_t bytes = TRY(number_argument(call, "shmsize", 0));
  if (bytes < 0) return Error(Code::kInvalidArgument, "SHM size can not be less than 0");
  return bytes;
}

Result<std::vector<runtime::Ulimit>> ulimits_argument(const Call& call) {
  const json::Value list = TRY(json_argument(call, "ulimits"));
  std::vector<runtime::Ulimit> out;
  for (const json::Value& one : list.as_array()) {
    runtime::Ulimit limit{one.string("Name"), one.integer("Soft"), one.integer("Hard")};
    if (limit.name.empty()) return missing("ulimits", out.size(), "Name");
    out.push_back(std::move(limit));
  }
  return out;
}

Result<std::vector<OutputWish>> outputs_argument(const Call& call) {
  const json::Value list = TRY(json_argument(call, "outputs"));
  std::vector<OutputWish> out;
  for (const json::Value& one : list.as_array()) {
    OutputWish wish{.type = one.string("Type"), .attributes = one.string_map("Attrs")};
    if (wish.type.empty()) return missing("outputs", out.size(), "Type");
    out.push_back(std::move(wish));
  }
  return out;
}

}  // namespace skiff::api
