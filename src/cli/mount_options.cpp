#include "cli/mount_options.h"

#include <filesystem>

#include "base/file.h"
#include "base/size.h"
#include "base/strings.h"
#include "cli/option_values.h"
#include "cli/session.h"
#include "codec/csv.h"

namespace skiff::cli {

namespace {

// The members of one --mount as they are found.
struct Mount {
  json::Value out = json::object({{"Type", "volume"}});
  json::Value bind = json::object();
  json::Value volume = json::object();
  json::Value tmpfs = json::object();
};

bool is_one_of(std::string_view key, std::initializer_list<std::string_view> names) {
  for (auto name : names) {
    if (key == name) return true;
  }
  return false;
}

Result<bool> parse_switch(std::string_view key, const std::string& value, bool given) {
  if (!given || is_one_of(value, {"true", "1", "t", "T", "TRUE", "True"})) return true;
  if (is_one_of(value, {"false", "0", "f", "F", "FALSE", "False"})) return false;
  return Error(Code::kInvalidArgument, cat("invalid value for ", key, ": ", value));
}

void add_pair(json::Value& to, std::string_view key, const std::string& pair) {
  json::Value map = to.find(key) != nullptr ? *to.find(key) : json::object();
  size_t equals = std::min(pair.find('='), pair.size());
  map.set(pair.substr(0, equals), equals < pair.size() ? pair.substr(equals + 1) : "");
  to.set(key, std::move(map));
}

Result<> set_tmpfs_field(Mount& mount, std::string_view key, const std::string& value) {
  if (key == "tmpfs-size") {
    auto size = parse_size(value);
    if (!size) return Error(Code::kInvalidArgument, cat("invalid value for ", key, ": ", value));
    mount.tmpfs.set("SizeBytes", *size);
    return {};
  }
  auto mode = parse_uint(value, 8);
  if (!mode) return Error(Code::kInvalidArgument, cat("invalid value for ", key, ": ", value));
  mount.tmpfs.set("Mode", *mode);
  return {};
}

Result<> set_driver_field(Mount& mount, std::string_view key, const std::string& value) {
  json::Value driver = mount.volume.find("DriverConfig") != nullptr
                           ? *mount.volume.find("DriverConfig")
                           : json::object();
  if (key == "volume-driver") {
    driver.set("Name", value);
  } else {
    add_pair(driver, "Options", value);
  }
  mount.volume.set("DriverConfig", std::move(driver));
  return {};
}

Result<> set_field(Mount& mount, std::string_view key, const std::string& value, bool given,
                   std::string_view field) {
  if (is_one_of(key, {"readonly", "ro"})) {
    mount.out.set("ReadOnly", TRY(parse_switch(key, value, given)));
    return {};
  }
  if (key == "volume-nocopy") {
    mount.volume.set("NoCopy", TRY(parse_switch(key, value, given)));
    return {};
  }
  if (!given) {
    return Error(Code::kInvalidArgument,
                 cat("invalid field '", field, "' must be a key=value pair"));
  }
  if (key == "type") {
    mount.out.set("Type", to_lower(value));
  } else if (is_one_of(key, {"source", "src"})) {
    mount.out.set("Source", value);
  } else if (is_one_of(key, {"target", "dst", "destination"})) {
    mount.out.set("Target", value);
  } else if (key == "consistency") {
    mount.out.set("Consistency", to_lower(value));
  } else if (key == "bind-propagation") {
    mount.bind.set("Propagation", to_lower(value));
  } else if (key == "volume-subpath") {
    mount.volume.set("Subpath", value);
  } else if (key == "volume-label") {
    add_pair(mount.volume, "Labels", value);
  } else if (is_one_of(key, {"volume-driver", "volume-opt"})) {
    return set_driver_field(mount, key, value);
  } else if (is_one_of(key, {"tmpfs-size", "tmpfs-mode"})) {
    return set_tmpfs_field(mount, key, value);
  } else {
    return Error(Code::kInvalidArgument, cat("unexpected key '", key, "' in '", field, "'"));
  }
  return {};
}

// A path of the client's becomes one of the machine's.
std::string absolute(const std::string& path) {
  std::error_code ec;
  return std::filesystem::absolute(path, ec).lexically_normal().native();
}

Result<json::Value> finish_mount(Mount mount) {
  std::string type = mount.out.string("Type");
  if (mount.out.string("Target").empty()) {
    return Error(Code::kInvalidArgument, "target is required");
  }
  struct Options {
    std::string_view type;
    std::string_view name;
    json::Value& values;
  };
  for (const Options& o : {Options{"bind", "BindOptions", mount.bind},
                           Options{"volume", "VolumeOptions", mount.volume},
                           Options{"tmpfs", "TmpfsOptions", mount.tmpfs}}) {
    if (o.values.as_object().empty()) continue;
    if (type != o.type) {
      return Error(Code::kInvalidArgument,
                   cat("cannot mix '", o.type, "-*' options with mount type '", type, "'"));
    }
    mount.out.set(o.name, o.values);
  }
  if (auto source = mount.out.string("Source"); type == "bind" && source.starts_with('.')) {
    mount.out.set("Source", absolute(source));
  }
  return std::move(mount.out);
}

// "a:b:c" of --volume, which the daemon judges; a path of the client's own becomes absolute here.
Result<> add_volume(const std::string& spec, json::Value& volumes, json::Array& binds) {
  if (spec.empty()) return Error(Code::kInvalidArgument, "invalid empty volume spec");
  auto parts = split(spec, ':');
  if (parts.size() == 1) {
    volumes.set(spec, json::object());
    return {};
  }
  // The shell has expanded what it knows; a dot means the client's own directory.
  if (parts[0].starts_with('.') || parts[0].starts_with("~/")) parts[0] = absolute(parts[0]);
  binds.emplace_back(join(parts, ":"));
  return {};
}

}  // namespace

Result<json::Value> parse_mount(std::string_view text) {
  Mount mount;
  auto parse = [&]() -> Result<json::Value> {
    for (const auto& field : TRY(parse_csv(text))) {
      auto parts = split_once(field, '=');
      std::string key = to_lower(parts ? parts->first : std::string_view(field));
      TRY(set_field(mount, key, parts ? std::string(parts->second) : "", parts.has_value(), field));
    }
    return finish_mount(std::move(mount));
  };
  auto parsed = parse();
  if (!parsed) return bad_flag("--mount", text, parsed.error().message());
  return parsed;
}

Result<> add_mounts(const Flags& flags, json::Value& config, json::Value& host) {
  json::Value volumes = json::object();
  json::Array binds;
  for (const auto& spec : flags.all("volume")) TRY(add_volume(spec, volumes, binds));
  config.set("Volumes", std::move(volumes));
  host.set("Binds", binds.empty() ? json::Value() : json::Value(std::move(binds)));
  if (flags.has("mount")) {
    json::Array mounts;
    for (const auto& text : flags.all("mount")) mounts.push_back(TRY(parse_mount(text)));
    host.set("Mounts", std::move(mounts));
  }
  if (flags.has("tmpfs")) {
    json::Object tmpfs;
    for (const auto& text : flags.all("tmpfs")) {
      size_t colon = std::min(text.find(':'), text.size());
      tmpfs.set(text.substr(0, colon), colon < text.size() ? text.substr(colon + 1) : "");
    }
    host.set("Tmpfs", std::move(tmpfs));
  }
  if (flags.has("volumes-from")) host.set("VolumesFrom", flags.all("volumes-from"));
  return {};
}

}  // namespace skiff::cli
