// ProcessIo: the standard streams of one process, a container's or an exec session's, and the
// clients attached to them.
//
//   ProcessIo io(loop, options, callbacks);
//   TRY(io.open());                            // pipes, or a socket for the terminal
//   ... a process is made with io.stdio() and io.console_socket() ...
//   TRY(io.begin());
//   io.add_client(std::move(socket), {.wants_stdin = true});
//   io.process_ended();                        // then on_drained, when all output is read
//   io.finish();                               // clients get the rest and are hung up on
//
// Output goes to `on_output` and to every client, in Docker's frames unless there is a terminal.
// A client that reads slowly holds the process up, as Docker's does; one that has taken nothing
// for `patience` does not: its output is kept in a file, and beyond OutputQueue's bound it is
// cut off. Thread-compatible.
#pragma once

#include <list>
#include <memory>
#include <optional>

#include "runtime/container.h"
#include "runtime/log_writer.h"
#include "runtime/monitor_input.h"
#include "runtime/monitor_queue.h"

namespace skiff::runtime {

struct IoOptions {
  bool terminal = false;
  bool open_stdin = false;
  bool want_stdout = true;
  bool want_stderr = true;
  // Whether a client that has gone, without closing its direction first, takes stdin with it.
  bool stdin_ends_with_client = false;
  std::optional<std::chrono::milliseconds> patience;  // for ever without
  Path overflow_dir;
};

struct IoCallbacks {
  std::function<void(OutputStream stream, std::string_view bytes)> on_output;
  std::function<void()> on_drained;
  std::function<void()> on_client_gone;
};

struct IoClient {
  bool wants_stdin = false;
  std::string greeting;     // goes out before any output
  std::string early_input;  // arrived before the client became one
};

class ProcessIo {
 public:
  ProcessIo(EventLoop& loop, IoOptions options, IoCallbacks callbacks);
  ~ProcessIo();
  ProcessIo(const ProcessIo&) = delete;
  ProcessIo& operator=(const ProcessIo&) = delete;

  Result<> open();
  Stdio stdio() const { return {child_in_.get(), child_out_.get(), child_err_.get()}; }
  int console_socket() const { return child_console_.get(); }
  // The process exists: its ends are closed here, its terminal is taken over.
  Result<> begin();

  void add_client(UniqueFd socket, const IoClient& client);
  bool has_clients() const { return !clients_.empty(); }
  Result<> resize(int height, int width);
  void process_ended();
  void finish();
  // What all of them read into; for when no output comes.
  static void give_back_memory();

 private:
  struct Client {
    Client(UniqueFd s, const Path& overflow_dir) : socket(std::move(s)), queue(overflow_dir) {}
    UniqueFd socket;
    OutputQueue queue;
    bool wants_stdin = false;
    bool reading = false;  // its input has not ended
    bool deaf = false;     // takes no output any more
    bool gone = false;
    SteadyTime progress;  // when it last took bytes, or had none to take
  };
  struct Output {
    UniqueFd fd;
    OutputStream stream = OutputStream::kStdout;
  };

  Result<> open_pipes();
  Result<> take_terminal();
  Result<> watch_output(Output& output);
  void read_output(Output& output);
  void end_output(Output& output);
  void end_if_drained();
  void check_drain();
  void fan_out(std::string_view frame, std::string_view bytes);
  void on_client(Client& client, uint32_t events);
  void read_input(Client& client);
  void input_ended(Client& client);
  void send_queued(Client& client);
  void stop_output(Client& client);
  void settle(Client& client);
  void let_go(Client& client);
  void sweep();
  void regulate();

  EventLoop& loop_;
  IoOptions options_;
  IoCallbacks callbacks_;
  UniqueFd child_in_;
  UniqueFd child_out_;
  UniqueFd child_err_;
  UniqueFd child_console_;
  UniqueFd console_;       // where the terminal's master arrives
  UniqueFd our_in_;        // until begin()
  UniqueFd terminal_end_;  // the slave, so that a process may close and reopen its terminal
  std::list<Output> outputs_;
  ProcessInput input_;
  std::list<Client> clients_;
  uint64_t regulate_call_ = 0;
  uint64_t drain_call_ = 0;
  std::optional<SteadyTime> ended_;
  SteadyTime last_output_;
  bool drained_ = false;
  bool finished_ = false;
};

// An 8-byte header of Docker's stream format in front of `payload`.
std::string make_output_frame(int stream, std::string_view payload);

}  // namespace skiff::runtime
