#include "main/daemon_options.h"

#include <linux/if.h>
#include <sys/un.h>

#include <algorithm>

#include "base/default_places.h"
#include "base/flags.h"
#include "base/size.h"
#include "base/strings.h"
#include "engine/log_drivers.h"
#include "main/data_root.h"
#include "network/network_rules.h"

namespace skiff {

namespace {

// Flags whose values are kept in another form than they are written in.
struct Words {
  std::string log_level = "info";
  std::string storage_limit;
  std::string build_cache_limit;
  std::string layer_limit = "100g";
  std::string layer_ratio = "1100";
  std::string scrub_rate = "4m";
  std::vector<std::string> log_options;
};

Result<> parse_words(std::span<char* const> arguments, DaemonOptions& o, Words& words,
                     std::string& usage) {
  std::vector<Flag> flags = {
      {"root", "DIR", "images, containers, volumes", &o.root},
      {"run-dir", "DIR", "what lives until the next boot", &o.run_dir},
      {"socket", "PATH", "where the Engine API listens", &o.socket},
      {"bridge", "NAME", "interface of the default network; made up when not given", &o.bridge},
      {"subnet", "CIDR", "of the default network; a free one when not given", &o.subnet},
      {"cgroup-parent", "PATH", "of the containers' cgroups; made up when not given",
       &o.cgroup_parent},
      {"storage-driver", "NAME", "how new layers are kept: erofs, overlay, or auto for the better",
       &o.storage_driver},
      {"log-driver", "NAME", "of containers that name none: json-file, local, journald or none",
       &o.log_driver},
      {"log-opt", "NAME=VALUE", "an option of that driver; may be given several times", nullptr,
       nullptr, &words.log_options},
      {"userns-remap", "USER",
       "containers' ids are those that /etc/subuid and /etc/subgid lend to USER[:GROUP], "
       "UID[:GID], "
       "or dockremap (\"default\"); the host's when not given",
       &o.userns_remap},
      {"userns-auto", "USER", "who is lent the ids of containers with --userns=auto",
       &o.userns_auto},
      {"no-selinux", "", "containers get no SELinux labels, also where SELinux is on", nullptr,
       &o.no_selinux},
      {"emulation", "SCOPE",
       "where QEMU is registered for images of another processor: container, in each that needs "
       "it, "
       "or host, for all programs of the machine and for good",
       &o.emulation},
      {"storage-limit", "SIZE",
       "what images and build cache may take (\"50g\"); no limit when not given",
       &words.storage_limit},
      {"build-cache-limit", "SIZE",
       "what the build cache's layers may take: those used longest ago go for new ones",
       &words.build_cache_limit},
      {"layer-limit", "SIZE", "what one layer may expand to", &words.layer_limit},
      {"layer-ratio", "N",
       "how many times its compressed size a layer may expand to, beyond the first GiB",
       &words.layer_ratio},
      {"scrub-rate", "SIZE", "bytes a second at which stored content is read again; 0 for never",
       &words.scrub_rate},
      {"registry", "ADDRESS", "serve a registry at HOST:PORT, which shares our blobs' files",
       &o.registry},
      {"log-level", "LEVEL", "debug, info, warn or error", &words.log_level},
      {"stop-containers", "", "stop the containers when the daemon stops", nullptr,
       &o.stop_containers},
      {"version", "", "print the version", nullptr, &o.version},
      {"help", "", "print this text", nullptr, &o.help},
  };
  // Behind --registry, which they are about.
  const std::vector<Flag> face = face_flags(o.registry_face, "registry-");
  const auto registry = std::ranges::find(flags, "registry", &Flag::name);
  flags.insert(registry + 1, face.begin(), face.end());
  usage =
      "Usage: skiffd [flags]\n\nRuns containers, builds images and serves the Docker Engine "
      "API.\n\n" +
      flags_help(flags);
  return parse_flags(arguments, flags);
}

Error refuse(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

// As the kernel takes it for an interface.
Result<> check_bridge(const std::string& name) {
  if (name.size() >= IFNAMSIZ) {
    return refuse(cat(skiff::quoted(name), " is longer than the ", IFNAMSIZ - 1,
                      " bytes of an interface's name"));
  }
  const bool plain =
      name != "." && name != ".." && std::none_of(name.begin(), name.end(), [](unsigned char c) {
        return c <= ' ' || c == '/' || c == ':' || c == 0x7f;
      });
  if (plain) return {};
  return refuse(cat(skiff::quoted(name), " is no name for an interface"));
}

Result<> check_cgroup_parent(const std::string& path) {
  const std::vector<std::string> parts = split(path, '/');
  if (std::find(parts.begin(), parts.end(), "..") != parts.end()) {
    return refuse(cat(skiff::quoted(path), ": a path below /sys/fs/cgroup has no \"..\""));
  }
  const bool names_one = std::any_of(parts.begin(), parts.end(), [](const std::string& part) {
    return !part.empty() && part != ".";
  });
  if (names_one) return {};
  return refuse(cat(skiff::quoted(path), " is the root of all cgroups: name one below it"));
}

Result<> check_socket(const std::string& path) {
  if (path.size() < sizeof(sockaddr_un{}.sun_path)) return {};
  return refuse(cat(skiff::quoted(path), " is longer than the ", sizeof(sockaddr_un{}.sun_path) - 1,
                    " bytes of a socket's path"));
}

Result<> check_storage_driver(const std::string& name) {
  if (name == "auto" || name == "erofs" || name == "overlay") return {};
  return refuse(cat(skiff::quoted(name), " is unknown: it is erofs, overlay or auto"));
}

Result<> judge_limits(const Words& words, DaemonOptions& o) {
  if (!words.storage_limit.empty()) {
    o.limits.bytes =
        static_cast<uint64_t>(TRY_CONTEXT(parse_size(words.storage_limit), "--storage-limit"));
    if (o.limits.bytes == 0) return refuse("--storage-limit: 0 fits nothing");
  }
  if (!words.build_cache_limit.empty()) {
    o.build_cache_limit = static_cast<uint64_t>(
        TRY_CONTEXT(parse_size(words.build_cache_limit), "--build-cache-limit"));
    if (o.build_cache_limit == 0) return refuse("--build-cache-limit: 0 fits nothing");
  }
  o.limits.layer.bytes =
      static_cast<uint64_t>(TRY_CONTEXT(parse_size(words.layer_limit), "--layer-limit"));
  if (o.limits.layer.bytes == 0) return refuse("--layer-limit: 0 fits nothing");
  const auto ratio = parse_uint(words.layer_ratio);
  if (!ratio || *ratio == 0) {
    return refuse(
        cat("--layer-ratio: ", skiff::quoted(words.layer_ratio), " is no number of times"));
  }
  o.limits.layer.ratio = *ratio;
  o.scrub_rate = static_cast<uint64_t>(TRY_CONTEXT(parse_size(words.scrub_rate), "--scrub-rate"));
  return {};
}

Result<> judge_registry(const DaemonOptions& o) {
  if (!o.registry.empty()) return RegistryService::check(TRY(registry_options(o)));
  if (!o.registry_face.is_given()) return {};
  return refuse("the flags --registry-... need --registry");
}

Result<> judge(const Words& words, DaemonOptions& o) {
  o.root = TRY(data_root(o.root)).native();
  o.log_level = TRY_CONTEXT(log_level_named(words.log_level), "--log-level");
  TRY_CONTEXT(check_socket(o.socket), "--socket");
  if (!o.bridge.empty()) TRY_CONTEXT(check_bridge(o.bridge), "--bridge");
  if (!o.subnet.empty()) {
    TRY_CONTEXT(network::set_wanted_subnet({}, o.subnet, "", {}), "--subnet");
  }
  if (!o.cgroup_parent.empty()) {
    TRY_CONTEXT(check_cgroup_parent(o.cgroup_parent), "--cgroup-parent");
  }
  if (o.emulation != "container" && o.emulation != "host") {
    return refuse(
        cat("--emulation: ", skiff::quoted(o.emulation), " is neither container nor host"));
  }
  TRY_CONTEXT(check_storage_driver(o.storage_driver), "--storage-driver");
  TRY_CONTEXT(engine::check_log_driver(o.log_driver), "--log-driver");
  for (const std::string& word : words.log_options) {
    const auto pair = split_once(word, '=');
    if (!pair)
      return refuse(cat("--log-opt: ", skiff::quoted(word), " is not of the form NAME=VALUE"));
    o.log_options[std::string(pair->first)] = pair->second;
  }
  TRY_CONTEXT(engine::check_log_options(o.log_driver, o.log_options), "--log-opt");
  TRY(judge_limits(words, o));
  return judge_registry(o);
}

}  // namespace

Result<RegistryService::Options> registry_options(const DaemonOptions& o) {
  RegistryService::Options out;
  out.registry.root = Path(o.root) / "registry";
  out.registry.scrub_rate = o.scrub_rate;
  out.registry.metadata.undelete = registry::kUsualUndelete;
  out.listen = o.registry;
  out.listen_flag = "--registry";
  TRY(show_face(o.registry_face, "--registry-", out));
  return out;
}

Result<DaemonOptions> read_daemon_options(std::span<char* const> arguments, std::string& usage) {
  DaemonOptions o;
  o.log_driver = engine::kDefaultLogDriver;
  const Result<DefaultPlaces> places = default_places();
  if (places) {
    o.root = places->root;
    o.run_dir = places->run_dir;
    o.socket = places->socket;
  }
  Words words;
  TRY(parse_words(arguments, o, words, usage));
  if (o.help || o.version) return o;
  if (o.root.empty() || o.run_dir.empty() || o.socket.empty()) return places.error();
  TRY(judge(words, o));
  o.default_root = places && o.root == places->root;
  return o;
}

}  // namespace skiff
