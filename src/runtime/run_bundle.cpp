// run_bundle(): the caller's side.
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <optional>

#include "base/strings.h"
#include "runtime/bundle_runner.h"
#include "runtime/container.h"
#include "runtime/monitor_protocol.h"
#include "sys/process.h"
#include "sys/unix_socket.h"

namespace skiff::runtime {

namespace {

// How long output is waited for that a process outside the container holds open.
constexpr int kQuietAfterEndMs = 2000;

class BundleRun {
 public:
  BundleRun(int runner, int output_pipe, Sink& output, const CancelToken& cancel)
      : runner_(runner), pipe_(output_pipe), output_(output), cancel_(cancel) {}

  Result<int> run(const json::Value& asked, const std::function<Result<>(int pid)>& prepare) {
    TRY(send_line(runner_, asked));
    json::Value created = TRY(receive_answer(runner_, cancel_));
    if (prepare) TRY(prepare(static_cast<int>(created.integer("pid"))));
    TRY(send_line(runner_, json::object({{"start", true}})));
    return carry();
  }

 private:
  // The output until its end, and the exit code on the way.
  Result<int> carry() {
    std::optional<int> code;
    for (bool open = true; open || !code;) {
      std::array<pollfd, 3> fds{{{open ? pipe_ : -1, POLLIN, 0},
                                 {code ? -1 : runner_, POLLIN, 0},
                                 {cancel_.fd(), POLLIN, 0}}};
      int ready = ::poll(fds.data(), fds.size(), code ? kQuietAfterEndMs : -1);
      if (ready < 0 && errno != EINTR) return Error::from_errno(errno, "wait for output");
      if (ready < 0) continue;
      if (ready == 0) break;
      TRY(cancel_.check());
      if (fds[0].revents != 0) open = TRY(carry_some());
      if (fds[1].revents != 0) code = static_cast<int>(TRY(receive_code()));
    }
    return *code;
  }

  Result<bool> carry_some() {
    std::array<char, 32 << 10> buffer;
    ssize_t n = ::read(pipe_, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) return true;
    if (n < 0) return Error::from_errno(errno, "read the output");
    if (n > 0) TRY(output_.write({buffer.data(), static_cast<size_t>(n)}));
    return n > 0;
  }

  Result<int64_t> receive_code() {
    json::Value answer = TRY(receive_answer(runner_, cancel_));
    return answer.require_int("code");
  }

  int runner_;
  int pipe_;
  Sink& output_;
  const CancelToken& cancel_;
};

// What a runner that was killed leaves behind; usually nothing.
void remove_rest(const Path& state_dir, const std::string& id) {
  Result<Container> left = Container::load(state_dir, id);
  if (left) [[maybe_unused]]
    auto removed = left->remove(true);
}

}  // namespace

Result<int> run_bundle(const Path& runtime_program, const std::string& id, const Path& bundle,
                       const Path& state_dir, Sink& output,
                       const std::function<Result<>(int pid)>& prepare, const CancelToken& cancel) {
  TRY(cancel.check());
  TRY(make_directories(state_dir, 0700));
  auto [ours, theirs] = TRY(sys::socket_pair(SOCK_STREAM));
  sys::Pipe pipe = TRY(sys::make_pipe());
  int out = pipe.write.get();
  sys::Process runner =
      TRY(sys::Process::spawn({.args = {"skiff-monitor", kRunBundle, id},
                               .program = runtime_program,
                               .working_dir = "/",
                               .fds = {{out, 1}, {out, 2}, {theirs.get(), kParentSocket}},
                               .new_session = true}));
  theirs.reset();
  pipe.write.reset();
  json::Value asked = json::object(
      {{"container_id", id}, {"bundle", bundle.native()}, {"state_dir", state_dir.native()}});
  Result<int> code = BundleRun(ours.get(), pipe.read.get(), output, cancel).run(asked, prepare);
  // The hang-up: where the container still runs, it is killed and removed now.
  ours.reset();
  (void)TRY(runner.wait());
  if (!code) remove_rest(state_dir, id);
  return code;
}

}  // namespace skiff::runtime
