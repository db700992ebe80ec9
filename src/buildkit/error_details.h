// Errors as BuildKit's clients want them: the text alone, and the place in the Dockerfile, which
// they show themselves, in the details.
#pragma once

#include "buildkit/build_progress.h"
#include "buildkit/rpc.h"

namespace skiff::buildkit {

RpcFailure describe_failure(const Error& error, const DockerfileText& file);

}  // namespace skiff::buildkit
