// Parameters of POST /build that both of its protocols have. What is of a wrong shape is
// kInvalidArgument, by the parameter's name.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/router.h"
#include "net/extra_host.h"

namespace skiff::api {

// Those that would change the result, and are not served.
Result<> refuse_unserved_build(const Call& call);
// `cachefrom`: names of images.
Result<std::vector<std::string>> cache_from_argument(const Call& call);
// `extrahosts`, once for each.
Result<std::vector<net::ExtraHost>> extra_hosts_argument(const Call& call);
// `buildargs`; one that is null unsets the default of its ARG.
Result<std::map<std::string, std::optional<std::string>>> build_args_argument(const Call& call);
// `labels`.
Result<std::map<std::string, std::string>> labels_argument(const Call& call);
// `memory`, `memswap`, `cpushares`, `cpuperiod`, `cpuquota`, `cpusetcpus`, `cpusetmems`.
Result<runtime::Limits> limits_argument(const Call& call);
// Whether they make sense: kInvalidArgument, as of a container's.
Result<> check_limits(const runtime::Limits& limits);
// `shmsize` in bytes; 0 for the usual size.
Result<int64_t> shm_size_argument(const Call& call);
// `ulimits`: objects with a "Name", "Soft" and "Hard".
Result<std::vector<runtime::Ulimit>> ulimits_argument(const Call& call);
struct OutputWish {
  std::string type;
  std::map<std::string, std::string> attributes;
};
// `outputs`.
Result<std::vector<OutputWish>> outputs_argument(const Call& call);

}  // namespace skiff::api
