#include "buildkit/frontend_options.h"

#include "base/strings.h"
#include "base/truth.h"
#include "dockerfile/syntax.h"
#include "net/extra_host.h"

namespace skiff::buildkit {

namespace {

using builder::BuildRequest;

// "nofile=1024:2048,nproc=64"
Result<std::vector<runtime::Ulimit>> ulimits_of(const std::string& text) {
  std::vector<runtime::Ulimit> out;
  for (const std::string& one : split(text, ',')) {
    if (one.empty()) continue;
    const auto named = split_once(one, '=');
    const auto limits = named ? split_once(named->second, ':') : std::nullopt;
    const auto soft =
        named ? parse_int(limits ? limits->first : named->second) : std::optional<int64_t>();
    const auto hard = limits ? parse_int(limits->second) : soft;
    if (!soft || !hard) {
      return Error(Code::kInvalidArgument, cat("ulimit ", quoted(one), ": it is NAME=SOFT[:HARD]"));
    }
    out.push_back({std::string(named->first), *soft, *hard});
  }
  return out;
}

// "name=ip,other=ip"
Result<std::vector<std::string>> hosts_of(const std::string& text) {
  std::vector<std::string> out;
  for (const std::string& one : split(text, ',')) {
    if (!one.empty()) out.push_back(TRY(net::parse_extra_host(one, "=")).str());
  }
  return out;
}

Result<> take_platforms(const std::string& text, BuildRequest& request) {
  for (const std::string& one : split(text, ',')) {
    if (!trim(one).empty()) request.platforms.push_back(TRY(oci::Platform::parse(trim(one))));
  }
  return {};
}

void take_no_cache(const std::string& stages, BuildRequest& request) {
  request.no_cache = stages.empty();
  for (const std::string& stage : split(stages, ',')) {
    if (!stage.empty()) request.no_cache_stages.insert(to_lower(stage));
  }
}

using Take = Result<> (*)(const std::string& value, FrontendOptions& out);
struct Option {
  std::string_view name;
  Take take;
};

constexpr Option kOptions[] = {
    {"filename",
     [](const std::string& v, FrontendOptions& out) -> Result<> {
       out.file_name = v;
       return {};
     }},
    {"contextkey",
     [](const std::string& v, FrontendOptions& out) -> Result<> {
       out.context = v;
       return {};
     }},
    {"dockerfilekey",
     [](const std::string& v, FrontendOptions& out) -> Result<> {
       out.dockerfile = v;
       out.dockerfile_is_local = true;
       return {};
     }},
    {"context",
     [](const std::string& v, FrontendOptions& out) -> Result<> {
       out.remote_context = v;
       return {};
     }},
    {"target",
     [](const std::string& v, FrontendOptions& out) -> Result<> {
       out.request.target = v;
       return {};
     }},
    {"platform",
     [](const std::string& v, FrontendOptions& out) -> Result<> {
       return take_platforms(v, out.request);
     }},
    {"no-cache",
     [](const std::string& v, FrontendOptions& out) -> Result<> {
       take_no_cache(v, out.request);
       return {};
     }},
    {"image-resolve-mode",
     [](const std::string& v, FrontendOptions& out) -> Result<> {
       out.request.pull = v == "pull";
       return {};
     }},
    {"force-network-mode",
     [](const std::string& v, FrontendOptions& out) -> Result<> {
       out.request.network = v;
       return {};
     }},
    {"add-hosts",
     [](const std::string& v, FrontendOptions& out) -> Result<> {
       out.request.extra_hosts = TRY(hosts_of(v));
       return {};
     }},
    {"shm-size",
     [](const std::string& v, FrontendOptions& out) -> Result<> {
       const auto bytes = v.empty() ? 0 : parse_int(v);
       if (!bytes || *bytes < 0)
         return Error(Code::kInvalidArgument, cat(quoted(v), " is no number of bytes"));
       if (*bytes > 0) out.request.shm_bytes = *bytes;
       return {};
     }},
    {"ulimit",
     [](const std::string& v, FrontendOptions& out) -> Result<> {
       out.request.ulimits = TRY(ulimits_of(v));
       return {};
     }},
    {"cgroup-parent",
     [](const std::string& v, FrontendOptions& out) -> Result<> {
       out.request.cgroup_parent = v;
       return {};
     }},
    {"requestid",
     [](const std::string& v, FrontendOptions& out) -> Result<> {
       out.question = v;
       return {};
     }},
};

// "mode=max,version=v1" of "attest:provenance". Clients ask for "inline-only=true" of their own
// accord: a plain image stays plain, unless its output says otherwise (attestation-inline=true).
Result<> take_attestation(std::string_view type, const std::string& text,
                          builder::Attestations& out) {
  std::map<std::string, std::string> attributes;
  for (const std::string& one : split(text, ',')) {
    const auto pair = split_once(one, '=');
    if (pair) attributes.emplace(trim(pair->first), trim(pair->second));
  }
  const auto is_set = [&](const char* name) {
    return parse_bool(attributes[name]).value_or(false);
  };
  if (is_set("disabled")) return {};
  if (const std::string& generator = attributes["generator"]; !generator.empty()) {
    return Error(Code::kUnimplemented,
                 cat("generator ", quoted(generator),
                     " is not served: packages are found by the engine itself"));
  }
  if (type == "provenance") {
    const std::string& version = attributes["version"];
    if (!version.empty() && version != "v1" && version != "v0.2") {
      return Error(Code::kUnimplemented,
                   cat("version ", quoted(version), " is not served: provenance has v1 and v0.2"));
    }
    const std::string& mode = attributes["mode"];
    if (!mode.empty() && mode != "min" && mode != "max") {
      return Error(Code::kInvalidArgument, cat("mode ", quoted(mode), ": it is min or max"));
    }
    (is_set("inline-only") ? out.inline_provenance : out.provenance) = true;
    out.provenance_v02 = version == "v0.2";
    out.provenance_args = mode == "max";
  } else if (type == "sbom") {
    out.sbom = true;
  } else {
    return Error(Code::kUnimplemented, cat("attestations of type ", type, " are not served"));
  }
  return {};
}

// "build-arg:V" and the like.
Result<bool> take_prefixed(const std::string& name, const std::string& value,
                           FrontendOptions& out) {
  const auto parts = split_once(name, ':');
  if (!parts) return false;
  const std::string key(parts->second);
  if (parts->first == "attest") {
    TRY_CONTEXT(take_attestation(parts->second, value, out.request.attestations), name);
  }
  if (parts->first == "build-arg") out.request.build_args[key] = value;
  if (parts->first == "label") out.request.labels[key] = value;
  if (parts->first == "context") out.contexts[key] = value;
  return true;
}

}  // namespace

Result<FrontendOptions> decode_frontend_options(const std::map<std::string, std::string>& options) {
  FrontendOptions out;
  for (const auto& [name, value] : options) {
    if (TRY(take_prefixed(name, value, out))) continue;
    for (const Option& option : kOptions) {
      if (option.name == name) TRY_CONTEXT(option.take(value, out), name);
    }
  }
  if (const auto commit = options.find("vcs:revision"); commit != options.end()) {
    const auto source = options.find("vcs:source");
    out.request.origin = builder::ContextOrigin{
        .repository = source == options.end() ? "" : source->second, .commit = commit->second};
  }
  return out;
}

Result<> check_frontend(const std::string& name,
                        const std::map<std::string, std::string>& options) {
  if (name == "dockerfile.v0") return {};
  if (name.empty()) {
    return Error(Code::kUnimplemented, "LLB of clients is not served, only Dockerfiles");
  }
  const auto source = options.find("source");
  if (name == "gateway.v0" && source != options.end() && !source->second.empty()) {
    return dockerfile::check_frontend(source->second);
  }
  return Error(Code::kUnimplemented, cat("frontend ", quoted(name), " is not served"));
}

std::vector<std::string> ignore_lines(std::string_view text) {
  std::vector<std::string> out;
  for (const std::string& line : split(text, '\n')) {
    if (line.starts_with('#')) continue;
    std::string_view pattern = trim(line);
    if (pattern.empty()) continue;
    const bool back = pattern.starts_with('!');
    if (back) pattern = trim(pattern.substr(1));
    while (pattern.size() > 1 && pattern.starts_with('/')) pattern.remove_prefix(1);
    out.push_back(cat(back ? "!" : "", pattern));
  }
  return out;
}

}  // namespace skiff::buildkit
