// skiff-registry: the distribution API's server and the commands around it. Wiring only.
#include "main/registry_commands.h"

int main(int argc, char** argv) {
  return skiff::run_registry_command(
      std::span<char* const>(argv + 1, static_cast<size_t>(argc - 1)));
}
