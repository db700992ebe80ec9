// What `run` and `create` send to POST /containers/create, from their flags.
#pragma once

#include <span>
#include <string>

#include "cli/flags.h"
#include "codec/json.h"

namespace skiff::cli {

// The flags that `run` and `create` share.
std::span<const FlagSpec> create_flags();

// The whole body; `flags.args` are the image and the command. Flags that the engine does not
// serve are refused by name.
Result<json::Value> make_create_request(const Flags& flags);
// Memory, CPU, pids and restart policy into `host`: what `update` shares with `run`.
Result<> add_resources(const Flags& flags, json::Value& host);
Result<json::Value> parse_restart_policy(const std::string& text);

}  // namespace skiff::cli
