// skiff: the command line.
#include <unistd.h>

#include <cstdio>

#include "cli/dispatch.h"

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + (argc > 0 ? argc : 1));
  int code = skiff::cli::run_command_line(words);
  if (fflush(stdout) != 0 && code == 0) code = 1;
  // Libraries' clean-up at exit takes longer than most commands.
  ::_exit(code);
}
