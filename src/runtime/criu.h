// CRIU (criu(8)), the program that writes a container's processes into files and brings them back.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "runtime/criu_rpc.h"
#include "runtime/oci_config.h"

namespace skiff::runtime {

struct CheckpointOptions {
  std::string criu = "criu";  // the program; looked up in PATH
  Path images;                // directory of the image files
  Path work;                  // directory of CRIU's logs
  bool pre_dump = false;      // memory alone; the container goes on
  bool leave_running = false;
  int status_fd = -1;   // gets a zero byte when lazy pages can be served
  CriuOptions options;  // what else is wished for
};

// The descriptors that CRIU is started with, besides 0, 1 and 2; the last three for a restore.
enum class CriuFd { kSocket = 3, kImages = 4, kWork = 5, kMore = 6 };

// Those directories, opened. CRIU opens them anew, by their numbers in the process that made the
// socket, and mounts there: at a restore that must be CRIU's own, with its mount namespace.
struct CriuFiles {
  UniqueFd images;
  UniqueFd work;
  static Result<CriuFiles> open(const CheckpointOptions& options);
};

std::vector<std::string> criu_command(const CheckpointOptions& options);

// What every request has: the directories, the log "ACTION.log", a configuration file where the
// container names one or the system has runc's.
CriuOptions common_options(const CheckpointOptions& options, int images, int work,
                           const OciConfig& config, const std::string& action);

// That what a dump was to leave is there: CRIU's word alone is not taken for it. kDataLoss names
// what is missing.
Result<> check_images(const CheckpointOptions& options);

// Why CRIU did not do the action: what its log names as errors, else what it said.
Error criu_failure(const CheckpointOptions& options, const std::string& action,
                   const std::string& said);

}  // namespace skiff::runtime
