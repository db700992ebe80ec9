#include "engine/list.h"

#include <regex.h>

#include <algorithm>
#include <functional>
#include <set>

#include "base/scope_exit.h"
#include "base/strings.h"

namespace skiff::engine {

namespace {

using Test = std::function<bool(const ContainerInfo&)>;

Error invalid(const std::string& key, const std::string& value) {
  return {Code::kInvalidArgument, cat("invalid filter '", key, "=", value, "'")};
}

// Docker's name filter is a regular expression over the name, with and without its slash.
Result<bool> name_matches(const std::string& pattern, const std::string& name) {
  regex_t compiled;
  if (::regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0) {
    return invalid("name", pattern);
  }
  ScopeExit release([&] { ::regfree(&compiled); });
  std::string slashed = "/" + name;
  return ::regexec(&compiled, name.c_str(), 0, nullptr, 0) == 0 ||
         ::regexec(&compiled, slashed.c_str(), 0, nullptr, 0) == 0;
}

struct PortRange {
  uint64_t first = 0;
  uint64_t last = 0;
  std::string protocol;
  bool holds(uint64_t port, const std::string& its_protocol) const {
    return port >= first && port <= last && protocol == its_protocol;
  }
};

// "80", "80/udp", "8000-8010/tcp".
Result<PortRange> parse_range(const std::string& key, const std::string& text) {
  auto parts = split_once(text, '/');
  std::string_view numbers = parts ? parts->first : std::string_view(text);
  auto ends = split_once(numbers, '-');
  auto first = parse_uint(ends ? ends->first : numbers);
  auto last = ends ? parse_uint(ends->second) : first;
  if (!first || !last || *last < *first || *last > 65535) return invalid(key, text);
  return PortRange{*first, *last, parts ? to_lower(parts->second) : "tcp"};
}

bool publishes(const ContainerInfo& info, const PortRange& range) {
  for (const NetworkAttachment& network : info.networks) {
    if (!network.endpoint) continue;
    for (const network::PortBinding& port : network.endpoint->ports) {
      std::string protocol = port.protocol == network::Protocol::kUdp ? "udp" : "tcp";
      if (range.holds(port.host_port, protocol)) return true;
    }
  }
  return false;
}

bool exposes(const ContainerInfo& info, const PortRange& range) {
  return std::any_of(info.config.run.exposed_ports.begin(), info.config.run.exposed_ports.end(),
                     [&](const std::string& text) {
                       auto port = parse_port(text);
                       return port && range.holds(port->first, port->second);
                     });
}

bool uses_volume(const ContainerInfo& info, const std::string& wanted) {
  return std::any_of(info.mounts.begin(), info.mounts.end(), [&](const MountPoint& mount) {
    return mount.name == wanted || mount.destination == wanted;
  });
}

bool uses_network(const ContainerInfo& info, const std::string& wanted) {
  return std::any_of(info.networks.begin(), info.networks.end(),
                     [&](const NetworkAttachment& network) {
                       return network.network == wanted ||
                              (!wanted.empty() && network.network_id.starts_with(wanted));
                     });
}

std::string health_of(const ContainerInfo& info) {
  return info.state.health ? info.state.health->status : "none";
}

class Selector {
 public:
  Selector(Core& core, const Filters& filters) : core_(core), filters_(filters) {}

  Result<> prepare() {
    TRY(check_filters(
        filters_, {"ancestor", "before", "expose", "exited", "health", "id", "isolation", "is-task",
                   "label", "name", "network", "publish", "since", "status", "volume"}));
    TRY(filter_flag(filters_, "is-task", false));
    TRY(prepare_states());
    TRY(prepare_names());
    TRY(prepare_ports());
    TRY(prepare_times());
    prepare_relations();
    return {};
  }

  bool selects(const ContainerInfo& info) const {
    return labels_match(filters_, info.config.run.labels) &&
           std::all_of(tests_.begin(), tests_.end(), [&](const Test& test) { return test(info); });
  }
  // A wish for a state shows containers that do not run, too.
  bool asks_for_state() const {
    return !filter_values(filters_, "status").empty() || !filter_values(filters_, "exited").empty();
  }

 private:
  // Adds a test that any of the values under `key` passes.
  void any_of(const std::string& key,
              std::function<bool(const ContainerInfo&, const std::string&)> matches) {
    const auto& values = filter_values(filters_, key);
    if (values.empty()) return;
    tests_.push_back([&values, matches = std::move(matches)](const ContainerInfo& info) {
      return std::any_of(values.begin(), values.end(),
                         [&](const std::string& value) { return matches(info, value); });
    });
  }

  Result<> prepare_states() {
    for (const std::string& status : filter_values(filters_, "status")) {
      if (!parse_status(status)) return invalid("status", status);
    }
    any_of("status", [](const ContainerInfo& info, const std::string& wanted) {
      return status_name(info.state.status) == wanted;
    });
    for (const std::string& code : filter_values(filters_, "exited")) {
      if (!parse_int(code)) return invalid("exited", code);
    }
    any_of("exited", [](const ContainerInfo& info, const std::string& wanted) {
      return !info.state.running() && info.state.started != TimePoint() &&
             info.state.exit_code == parse_int(wanted);
    });
    static const std::set<std::string> kHealths = {"starting", "healthy", "unhealthy", "none"};
    for (const std::string& health : filter_values(filters_, "health")) {
      if (!kHealths.contains(health)) return invalid("health", health);
    }
    any_of("health", [](const ContainerInfo& info, const std::string& wanted) {
      return health_of(info) == wanted;
    });
    return {};
  }

  Result<> prepare_names() {
    for (const std::string& pattern : filter_values(filters_, "name")) {
      TRY(name_matches(pattern, ""));
    }
    any_of("name", [](const ContainerInfo& info, const std::string& pattern) {
      return name_matches(pattern, info.name).value_or(false);
    });
    any_of("id", [](const ContainerInfo& info, const std::string& wanted) {
      return info.id.starts_with(wanted);
    });
    return {};
  }

  Result<> prepare_ports() {
    for (const char* key : {"publish", "expose"}) {
      std::vector<PortRange> ranges;
      for (const std::string& text : filter_values(filters_, key)) {
        ranges.push_back(TRY(parse_range(key, text)));
      }
      if (ranges.empty()) continue;
      bool published = std::string_view(key) == "publish";
      tests_.push_back([ranges, published](const ContainerInfo& info) {
        return std::any_of(ranges.begin(), ranges.end(), [&](const PortRange& range) {
          return published ? publishes(info, range) : exposes(info, range);
        });
      });
    }
    return {};
  }

  Result<> prepare_times() {
    for (const std::string& reference : filter_values(filters_, "before")) {
      auto other = TRY(core_.table.find(reference));
      tests_.push_back([created = other->info().created](const ContainerInfo& info) {
        return info.created < created;
      });
    }
    for (const std::string& reference : filter_values(filters_, "since")) {
      auto other = TRY(core_.table.find(reference));
      tests_.push_back([created = other->info().created](const ContainerInfo& info) {
        return info.created > created;
      });
    }
    return {};
  }

  void prepare_relations() {
    any_of("volume", uses_volume);
    any_of("network", uses_network);
    const auto& ancestors = filter_values(filters_, "ancestor");
    if (ancestors.empty()) return;
    std::set<std::string> ids;
    for (const std::string& name : ancestors) {
      if (auto image = core_.images.find(name)) ids.insert(image->id.str());
    }
    tests_.push_back([this, ids](const ContainerInfo& info) {
      // An image counts with all images that were made from it.
      std::string id = info.image_id;
      constexpr int kLongestChain = 128;
      for (int step = 0; step < kLongestChain && !id.empty(); ++step) {
        if (ids.contains(id)) return true;
        auto image = core_.images.find(id);
        id = image ? image->parent : "";
      }
      return false;
    });
  }

  Core& core_;
  const Filters& filters_;
  std::vector<Test> tests_;
};

}  // namespace

Result<std::vector<ContainerInfo>> list_containers(Core& core, const ListOptions& options) {
  Selector selector(core, options.filters);
  TRY(selector.prepare());
  bool every_state = options.all || options.limit > 0 || selector.asks_for_state();
  std::vector<ContainerInfo> out;
  for (const auto& container : core.table.all()) {
    ContainerInfo info = container->info();
    if (!every_state && !info.state.running()) continue;
    if (selector.selects(info)) out.push_back(std::move(info));
  }
  std::sort(out.begin(), out.end(),
            [](const ContainerInfo& a, const ContainerInfo& b) { return a.created > b.created; });
  if (options.limit > 0 && out.size() > static_cast<size_t>(options.limit)) {
    out.resize(static_cast<size_t>(options.limit));
  }
  if (!options.sizes) return out;
  for (ContainerInfo& info : out) {
    if (auto container = core.table.find(info.id)) add_sizes(core, (*container)->record(), info);
  }
  return out;
}

void add_sizes(Core& core, const Record& record, ContainerInfo& info) {
  auto usage = core.images.snapshots().usage(record.snapshot);
  if (!usage) return;
  info.size_rw = usage->bytes;
  auto image = core.images.find(info.image_id);
  info.size_root_fs = usage->bytes + (image ? image->size : 0);
}

}  // namespace skiff::engine
