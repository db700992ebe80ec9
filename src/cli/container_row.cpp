#include "cli/container_row.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/strings.h"
#include "cli/table.h"

namespace skiff::cli {

namespace {

struct Port {
  std::string ip;
  int64_t inside = 0;
  int64_t outside = 0;  // 0: not published
  std::string protocol;
  auto key() const { return std::tie(inside, ip, outside, protocol); }
};

std::vector<Port> sorted_ports(const json::Array& list) {
  std::vector<Port> ports;
  for (const auto& port : list) {
    ports.push_back({port.string("IP"), port.integer("PrivatePort"), port.integer("PublicPort"),
                     port.string("Type")});
  }
  std::sort(ports.begin(), ports.end(),
            [](const Port& a, const Port& b) { return a.key() < b.key(); });
  return ports;
}

std::string address(const std::string& ip) {
  return ip.find(':') != std::string::npos ? cat("[", ip, "]") : ip;
}

// Ports whose number is the same on both sides, first to last.
struct ShownPorts {
  std::string ip;
  std::string protocol;
  int64_t first = 0;
  int64_t last = 0;

  std::string text() const {
    std::string numbers = first == last ? cat(first) : cat(first, "-", last);
    if (ip.empty()) return cat(numbers, "/", protocol);
    return cat(address(ip), ":", numbers, "->", numbers, "/", protocol);
  }
};

std::string labels_text(const json::Object& labels) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : labels) parts.push_back(cat(key, "=", value.as_string()));
  std::sort(parts.begin(), parts.end());
  return join(parts, ",");
}

std::string size_text(const json::Value& container) {
  std::string size = human_size(static_cast<double>(container.integer("SizeRw")));
  int64_t whole = container.integer("SizeRootFs");
  if (whole <= 0) return size;
  return cat(size, " (virtual ", human_size(static_cast<double>(whole)), ")");
}

std::string mounts_text(const json::Array& mounts, bool truncate, int& local_volumes) {
  constexpr size_t kShown = 15;
  std::vector<std::string> names;
  for (const auto& mount : mounts) {
    std::string name = mount.string("Name");
    if (mount.string("Driver") == "local") ++local_volumes;
    if (name.empty()) name = mount.string("Source");
    names.push_back(truncate ? ellipsis(name, kShown) : name);
  }
  return join(names, ",");
}

std::string names_text(const json::Value& container, bool truncate) {
  std::vector<std::string> names;
  for (std::string name : container.strings("Names")) {
    if (name.starts_with('/')) name.erase(0, 1);
    // A name with a slash is an alias in a linked container.
    if (!truncate || name.find('/') == std::string::npos) names.push_back(std::move(name));
  }
  return join(names, ",");
}

std::string image_text(const json::Value& container, bool truncate) {
  std::string image = container.string("Image");
  if (image.empty()) return "<no image>";
  if (truncate && (image.starts_with("sha256:") || image == container.string("ImageID"))) {
    return short_id(image);
  }
  return image;
}

}  // namespace

std::string ports_text(const json::Array& list) {
  std::vector<ShownPorts> ranges;
  std::vector<std::string> moved;  // another number outside
  std::map<std::pair<std::string, std::string>, size_t> open;
  std::vector<std::string> done;
  for (const Port& port : sorted_ports(list)) {
    if (port.outside != 0 && port.outside != port.inside) {
      moved.push_back(
          cat(address(port.ip), ":", port.outside, "->", port.inside, "/", port.protocol));
      continue;
    }
    std::pair key{port.outside != 0 ? port.ip : "", port.protocol};
    auto found = open.find(key);
    if (found != open.end() && ranges[found->second].last + 1 == port.inside) {
      ranges[found->second].last = port.inside;
    } else {
      open[key] = ranges.size();
      ranges.push_back({key.first, key.second, port.inside, port.inside});
    }
  }
  for (const ShownPorts& range : ranges) done.push_back(range.text());
  done.insert(done.end(), moved.begin(), moved.end());
  return join(done, ", ");
}

json::Value container_row(const json::Value& container, bool truncate) {
  constexpr size_t kCommand = 20;
  int64_t created = container.integer("Created");
  std::string command = container.string("Command");
  if (truncate) command = ellipsis(command, kCommand);
  int local_volumes = 0;
  std::string mounts = mounts_text(container.array("Mounts"), truncate, local_volumes);
  std::vector<std::string> networks;
  if (const json::Value* settings = container.find("NetworkSettings")) {
    for (const auto& [name, network] : settings->object("Networks")) networks.push_back(name);
  }
  json::Value row =
      json::object({{"Command", skiff::quoted(command)},
                    {"CreatedAt", local_time(created)},
                    {"ID", truncate ? short_id(container.string("Id")) : container.string("Id")},
                    {"Image", image_text(container, truncate)},
                    {"Labels", labels_text(container.object("Labels"))},
                    {"LocalVolumes", cat(local_volumes)},
                    {"Mounts", mounts},
                    {"Names", names_text(container, truncate)},
                    {"Networks", join(networks, ",")},
                    {"Ports", ports_text(container.array("Ports"))},
                    {"RunningFor", age(created)},
                    {"Size", size_text(container)},
                    {"State", container.string("State")},
                    {"Status", container.string("Status")}});
  return row;
}

}  // namespace skiff::cli
