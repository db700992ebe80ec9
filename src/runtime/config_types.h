// The JSON types of config.json's fields (runtime-spec 1.3, config.md and config-linux.md).
//
// A field of another type than it should have is an error, and never read as absent: "true" for
// true would take a protection away without a word. Fields that the spec does not name pass. So is
// a NUL byte in what the kernel gets: it would cut the string there.
#pragma once

#include <string_view>

#include "base/result.h"
#include "codec/json.h"

namespace skiff::runtime {

// Checks a whole config, or with `part` one object of it that came alone ("process",
// "linux.resources"). kInvalidArgument names the first field that is wrong, and the type it wants.
Result<> check_types(const json::Value& config, std::string_view part = "");

// "linux.resources" in the specification's spelling, and checked. Go's decoder, and so every tool
// that was tried with runc, takes a field in any case: {"CPU": {"Cpus": "0"}} is a limit, which
// must not be passed over.
Result<json::Value> read_resources(const json::Value& resources);

}  // namespace skiff::runtime
