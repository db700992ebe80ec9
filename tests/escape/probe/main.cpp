#include <cstdio>
#include <cstring>

#include "probe.h"

namespace {

struct Command {
  const char* name;
  int (*run)(probe::Arguments);
};
constexpr Command kCommands[] = {{"facts", probe::facts},
                                 {"overwrite", probe::overwrite},
                                 {"swap", probe::swap},
                                 {"cgroup-mounts", probe::cgroup_mounts}};

}  // namespace

int main(int argc, char** argv) {
  for (const Command& command : kCommands) {
    if (argc > 1 && std::strcmp(argv[1], command.name) == 0) {
      return command.run({argv + 2, static_cast<size_t>(argc - 2)});
    }
  }
  std::fprintf(stderr, "usage: probe");
  for (const Command& command : kCommands) std::fprintf(stderr, " %s", command.name);
  std::fprintf(stderr, "\n");
  return 2;
}
