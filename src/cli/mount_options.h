// Where a container's files come from: --volume, --mount, --tmpfs.
#pragma once

#include <string>

#include "cli/flags.h"
#include "codec/json.h"

namespace skiff::cli {

// "type=bind,src=/a,dst=/b,readonly" -> one entry of HostConfig.Mounts.
Result<json::Value> parse_mount(std::string_view text);
// Sets Volumes in `config` and Binds, Mounts and Tmpfs in `host`.
Result<> add_mounts(const Flags& flags, json::Value& config, json::Value& host);

}  // namespace skiff::cli
