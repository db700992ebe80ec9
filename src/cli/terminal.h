// The user's terminal: raw mode that is always undone, its size, and changes of it.
#pragma once

#include <termios.h>

#include <functional>
#include <optional>

namespace skiff::cli {

bool is_terminal(int fd);

struct WindowSize {
  int height = 0;
  int width = 0;
};
// {0, 0} when there is no terminal.
WindowSize window_size();

// Standard input in raw mode until destroyed; also undone when a signal ends the program.
class RawMode {
 public:
  RawMode();
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;
  ~RawMode();
};

}  // namespace skiff::cli
