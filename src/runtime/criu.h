// CRIU (criu(8)), the program that writes a container's processes into files and brings them back.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "runtime/oci_config.h"
#include "sys/cgroup.h"
#include "sys/root_dir.h"

namespace skiff::runtime {

struct CheckpointOptions {
  std::string criu = "criu";  // the program; looked up in PATH
  Path images;                // directory of the image files
  Path work;                  // directory of CRIU's logs
  bool pre_dump = false;      // memory alone; the container goes on
  bool leave_running = false;
  std::vector<std::string> words;  // options of CRIU's own, as it spells them
};

// The masked paths that are files, as the running container's root has them: the host's /dev/null
// is mounted there. A masked directory is a tmpfs, which CRIU keeps itself.
std::vector<std::string> masked_files(const OciConfig& config, const sys::RootDir& root);

// What of a container comes from outside and is put in its place by name: bind mounts, cgroups, and
// `masked` files. `restore`: with what is to stand there, as criu(8) wants it then.
std::vector<std::string> external_mounts(const OciConfig& config, const sys::Cgroup& cgroup,
                                         const std::vector<std::string>& masked, bool restore);

// The command line of `action` ("dump", "pre-dump" or "restore") but for what differs between them.
std::vector<std::string> criu_command(const CheckpointOptions& options, const std::string& action);

// That what `action` was to leave is there: CRIU's word alone is not taken for it. kDataLoss names
// what is missing.
Result<> check_images(const CheckpointOptions& options, const std::string& action);

// Why CRIU, which ended with `code`, did so: what its log names as errors.
Error criu_failure(const CheckpointOptions& options, const std::string& action, int code);

}  // namespace skiff::runtime
