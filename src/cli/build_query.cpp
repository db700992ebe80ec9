#include "cli/build_query.h"

#include "base/strings.h"
#include "base/truth.h"
#include "cli/option_values.h"
#include "oci/platform.h"
#include "oci/reference.h"

namespace skiff::cli {

namespace {

struct Attestations {
  std::string provenance;  // "", "min" or "max"
  std::string version;     // of the provenance: "", "v1" or "v0.2"
  bool sbom = false;
};

// What the fields of one attestation say.
struct Fields {
  std::string mode = "min";
  std::string version;
  bool wanted = true;
};

// "mode=max", "disabled=true", and truth alone.
Result<> read_field(std::string_view flag, const std::string& text, const std::string& field,
                    Fields& out) {
  if (const auto truth = parse_bool(field)) {
    out.wanted = *truth;
    return {};
  }
  const auto parts = split_once(field, '=');
  const std::string key(parts ? parts->first : std::string_view(field));
  const std::string value(parts ? parts->second : "");
  if (key == "disabled") {
    const auto disabled = parse_bool(value);
    if (!disabled) return bad_flag(flag, text, cat("disabled=", value, ": it is true or false"));
    out.wanted = !*disabled;
  } else if (key == "mode" && (value == "min" || value == "max")) {
    out.mode = value;
  } else if (key == "mode") {
    return bad_flag(flag, text, cat("mode ", skiff::quoted(value), ": it is min or max"));
  } else if (key == "version" && (value == "v1" || value == "v0.2")) {
    out.version = value;
  } else if (key == "version") {
    return bad_flag(flag, text, cat("version ", skiff::quoted(value), ": it is v1 or v0.2"));
  } else if (key == "generator") {
    return bad_flag(flag, text, "packages are found by the engine itself: there is no generator");
  } else {
    return bad_flag(flag, text, cat("unknown field ", skiff::quoted(field)));
  }
  return {};
}

Result<> read_one(std::string_view flag, const std::string& text, std::string type,
                  Attestations& out) {
  Fields fields;
  for (const std::string& field : TRY(split_fields(flag, text))) {
    if (field.starts_with("type=")) {
      type = field.substr(5);
    } else {
      TRY(read_field(flag, text, field, fields));
    }
  }
  if (type == "provenance") {
    out.provenance = fields.wanted ? fields.mode : "";
    if (!fields.version.empty()) out.version = fields.version;
  } else if (type == "sbom" && !fields.version.empty()) {
    return bad_flag(flag, text, "a version is a field of provenance alone");
  } else if (type == "sbom") {
    out.sbom = fields.wanted;
  } else {
    return bad_flag(flag, text, "type=provenance or type=sbom is needed");
  }
  return {};
}

Result<Attestations> attestations_of(const Flags& flags) {
  Attestations wanted;
  for (const std::string& text : flags.all("attest")) {
    TRY(read_one("--attest", text, "", wanted));
  }
  if (flags.has("provenance")) {
    TRY(read_one("--provenance", flags.get("provenance"), "provenance", wanted));
  }
  if (flags.has("sbom")) TRY(read_one("--sbom", flags.get("sbom"), "sbom", wanted));
  return wanted;
}

Result<> add_attestations(const Flags& flags, net::Query& query) {
  const Attestations wanted = TRY(attestations_of(flags));
  if (!wanted.provenance.empty()) query.add("provenance", wanted.provenance);
  if (!wanted.version.empty()) query.add("provenanceversion", wanted.version);
  if (wanted.sbom) query.add("sbom", "1");
  return {};
}

Result<> add_numbers(const Flags& flags, net::Query& query) {
  constexpr std::pair<std::string_view, std::string_view> kNumbers[] = {
      {"cpu-period", "cpuperiod"}, {"cpu-quota", "cpuquota"}, {"cpu-shares", "cpushares"}};
  for (const auto& [flag, parameter] : kNumbers) {
    if (flags.has(flag)) query.add(parameter, cat(TRY(flags.number(flag))));
  }
  struct Size {
    std::string_view flag;
    std::string_view shown;
    std::string_view parameter;
  };
  constexpr Size kSizes[] = {{"memory", "-m, --memory", "memory"},
                             {"memory-swap", "--memory-swap", "memswap"},
                             {"shm-size", "--shm-size", "shmsize"}};
  for (const auto& [flag, shown, parameter] : kSizes) {
    if (!flags.has(flag)) continue;
    query.add(parameter, cat(TRY(parse_bytes(shown, flags.get(flag)))));
  }
  return {};
}

// NAME=VALUE, or NAME for the client's own variable, null where there is none.
Result<json::Value> build_args(const Flags& flags) {
  json::Object out;
  for (const auto& text : flags.all("build-arg")) {
    if (text.empty() || text.starts_with('=')) {
      return bad_flag("--build-arg", text, cat("invalid environment variable: ", text));
    }
    if (auto parts = split_once(text, '=')) {
      out.set(parts->first, parts->second);
    } else {
      const char* own = ::getenv(text.c_str());
      out.set(text, own != nullptr ? json::Value(own) : json::Value());
    }
  }
  constexpr const char* kEpoch = "SOURCE_DATE_EPOCH";
  const char* epoch = ::getenv(kEpoch);
  if (epoch == nullptr && flags.on("reproducible")) epoch = "0";
  if (epoch != nullptr && out.find(kEpoch) == nullptr) out.set(kEpoch, epoch);
  return json::Value(std::move(out));
}

Result<> add_names(const Flags& flags, net::Query& query) {
  for (const auto& tag : flags.all("tag")) {
    auto name = oci::Reference::parse(tag);
    if (!name) return bad_flag("-t, --tag", tag, name.error().message());
    query.add("t", tag);
  }
  std::vector<std::string> platforms;
  for (const auto& list : flags.all("platform")) {
    for (const auto& text : split(list, ',')) {
      auto platform = oci::Platform::parse(trim(text));
      if (!platform) return bad_flag("--platform", text, platform.error().message());
      platforms.emplace_back(trim(text));
    }
  }
  if (!platforms.empty()) query.add("platform", join(platforms, ","));
  return {};
}

}  // namespace

bool wants_provenance(const Flags& flags) {
  const auto wanted = attestations_of(flags);
  return wanted && !wanted->provenance.empty();
}

Result<std::string> build_query(const Flags& flags, const BuildQuery& given) {
  net::Query query;
  query.add("version", "1");
  query.add("rm", "1");
  TRY(add_names(flags, query));
  TRY(add_attestations(flags, query));
  TRY(add_numbers(flags, query));
  if (!given.dockerfile.empty()) query.add("dockerfile", given.dockerfile);
  if (!given.shown_dockerfile.empty()) query.add("dockerfilename", given.shown_dockerfile);
  if (!given.outputs.empty()) query.add("outputs", given.outputs);
  if (given.origin) {
    query.add("vcssource", given.origin->repository);
    query.add("vcsrevision", given.origin->commit);
  }
  constexpr std::pair<std::string_view, std::string_view> kTexts[] = {
      {"target", "target"},
      {"call", "call"},
      {"cgroup-parent", "cgroupparent"},
      {"network", "networkmode"},
      {"cpuset-cpus", "cpusetcpus"},
      {"cpuset-mems", "cpusetmems"}};
  for (const auto& [flag, parameter] : kTexts) {
    if (flags.has(flag)) query.add(parameter, flags.get(flag));
  }
  constexpr std::pair<std::string_view, std::string_view> kSwitches[] = {
      {"no-cache", "nocache"}, {"pull", "pull"}, {"quiet", "q"}};
  for (const auto& [flag, parameter] : kSwitches) {
    if (flags.on(flag)) query.add(parameter, "1");
  }
  if (!flags.on("force-rm")) query.add("keepfailed", "1");
  if (flags.on("check")) query.add("call", "check");
  for (const std::string& list : flags.all("no-cache-filter")) {
    for (const std::string& stage : split(list, ',')) query.add("nocachefilter", stage);
  }
  const json::Value arguments = TRY(build_args(flags));
  if (!arguments.as_object().empty()) query.add("buildargs", arguments.dump());
  if (flags.has("label")) query.add("labels", TRY(parse_labels(flags.all("label"))).dump());
  if (flags.has("ulimit")) query.add("ulimits", TRY(parse_ulimits(flags.all("ulimit"))).dump());
  const json::Value hosts = TRY(parse_extra_hosts(flags.all("add-host")));
  for (const auto& host : hosts.as_array()) {
    query.add("extrahosts", host.as_string());
  }
  return query.str();
}

}  // namespace skiff::cli
