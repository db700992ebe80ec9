// skiff-runtime: the OCI runtime, and under the name skiff-monitor the parent of one container,
// which runs it under a third name to compress the container's log.
#include <string_view>

#include "main/build_commit.h"
#include "runtime/commands.h"
#include "runtime/log_compressor.h"
#include "runtime/monitor.h"

int main(int argc, char** argv) {
  const char* program = argc > 0 ? argv[0] : "skiff-runtime";
  std::string_view name = program;
  name.remove_prefix(name.rfind('/') == std::string_view::npos ? 0 : name.rfind('/') + 1);
  if (name == skiff::runtime::kLogCompressorName) return skiff::runtime::compress_log();
  std::span<char* const> arguments(argv + 1, argc > 0 ? static_cast<size_t>(argc - 1) : 0);
  return name == "skiff-monitor"
             ? skiff::runtime::monitor_main(arguments)
             : skiff::runtime::runtime_main(name.data(), arguments, skiff::kBuildCommit);
}
