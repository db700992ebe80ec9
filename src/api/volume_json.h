// A volume as the API prints it.
#pragma once

#include "codec/json.h"
#include "engine/volumes.h"

namespace skiff::api {

json::Value volume_json(const engine::Volume& volume);

}  // namespace skiff::api
