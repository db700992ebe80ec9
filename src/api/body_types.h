// The types of the fields of requests' bodies (Engine API 1.51), as far as Skiff reads them. A
// field of another type is refused by name, as Go's decoder does, and never read as empty.
// Those of an image's own configuration (Env, Cmd, ...) are checked where it is read, by
// oci::RunConfig.
#pragma once

#include <span>

#include "codec/json_types.h"

namespace skiff::api {

// POST /containers/create, but for what stands in HostConfig, and POST /commit.
std::span<const json::Field> container_config_types();
// HostConfig, and POST /containers/{id}/update, whose fields are some of the same.
std::span<const json::Field> host_config_types();
// POST /containers/{id}/exec and /exec/{id}/start.
std::span<const json::Field> exec_types();
// POST /networks/create.
std::span<const json::Field> network_types();
// POST /volumes/create.
std::span<const json::Field> volume_types();
// POST /auth.
std::span<const json::Field> login_types();

// That no string of a body, but of its labels, holds a NUL byte: to the kernel a path or an
// argument ends there.
Result<> check_words(const json::Value& body);
// That there is no control character at all, but for tabs and ends of lines in the values of
// labels: for what is kept by name.
Result<> check_named(const json::Value& body);

}  // namespace skiff::api
