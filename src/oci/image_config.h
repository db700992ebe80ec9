// ImageConfig: how an image wants to be run, its layers' diffIDs and its history
// (OCI image-spec config.md, with Docker's extensions: Healthcheck, OnBuild, Shell, ArgsEscaped).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "codec/json.h"
#include "oci/digest.h"
#include "oci/platform.h"

namespace skiff::oci {

struct Healthcheck {
  std::vector<std::string> test;  // {"NONE"}, {"CMD", ...} or {"CMD-SHELL", text}
  int64_t interval_ns = 0;
  int64_t timeout_ns = 0;
  int64_t start_period_ns = 0;
  int64_t start_interval_ns = 0;
  int64_t retries = 0;

  static Healthcheck from_json(const json::Value& v);
  json::Value to_json() const;
  bool operator==(const Healthcheck&) const = default;
};

// The "config" object: the defaults of a container of this image.
struct RunConfig {
  std::string user;
  std::vector<std::string> exposed_ports;  // "80/tcp", sorted
  std::vector<std::string> env;            // "NAME=value"
  std::optional<std::vector<std::string>> entrypoint;
  std::optional<std::vector<std::string>> cmd;
  std::vector<std::string> volumes;  // sorted
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  std::optional<std::vector<std::string>> shell;
  std::vector<std::string> on_build;
  std::optional<Healthcheck> healthcheck;
  bool args_escaped = false;

  static Result<RunConfig> from_json(const json::Value& v);
  json::Value to_json() const;  // only what is set
  bool operator==(const RunConfig&) const = default;
};

struct History {
  TimePoint created;
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;
};

struct ImageConfig {
  TimePoint created;
  std::string author;
  Platform platform;
  RunConfig config;
  std::vector<Digest> diff_ids;
  std::vector<History> history;
  // Members of the document that are for others; those of a parsed one are not kept.
  json::Object further;

  static Result<ImageConfig> parse(std::string_view bytes);
  // The canonical bytes.
  std::string serialize() const;
};

// chainID of the first `count` layers (OCI image-spec config.md, Layer ChainID);
// `count` 1 is the diffID itself. Needs 1 <= count <= diff_ids.size().
Digest chain_id(const std::vector<Digest>& diff_ids, size_t count);

}  // namespace skiff::oci
