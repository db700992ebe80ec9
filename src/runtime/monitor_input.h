// ProcessInput: the way of clients' bytes into a process's standard input, a pipe or a
// terminal, never waiting for the process to read. Thread-compatible.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "runtime/monitor_loop.h"

namespace skiff::runtime {

class ProcessInput {
 public:
  // `on_space` is called when has_space() becomes true again.
  ProcessInput(EventLoop& loop, std::function<void()> on_space)
      : loop_(loop), on_space_(std::move(on_space)) {}
  ~ProcessInput() { close(); }
  ProcessInput(const ProcessInput&) = delete;
  ProcessInput& operator=(const ProcessInput&) = delete;

  // `fd` does not block.
  Result<> open(UniqueFd fd);
  bool is_open() const { return static_cast<bool>(fd_); }
  bool has_space() const { return pending_.size() < kMostPending; }
  // Bytes for a process that has closed its input are dropped.
  void write(std::string_view bytes);
  // Closes when the process has got all that was written.
  void end();
  void close();

 private:
  static constexpr size_t kMostPending = 64 << 10;
  void flush();

  EventLoop& loop_;
  std::function<void()> on_space_;
  UniqueFd fd_;
  std::string pending_;
  bool ending_ = false;
};

}  // namespace skiff::runtime
