#include "engine/stream_pump.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <thread>

#include "engine/detach_keys.h"

namespace skiff::engine {

namespace {

constexpr size_t kBufferSize = 64 << 10;
constexpr int kLingerMs = 1000;

Result<> send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return Error::from_errno(errno, "write to the process's stream");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return {};
}

class Pump {
 public:
  Pump(net::Stream& client, int process, const PumpOptions& options, const CancelToken& cancel,
       const CancelToken& shutdown)
      : client_(client),
        process_(process),
        options_(options),
        cancel_(cancel),
        shutdown_(shutdown),
        keys_(options.detach_keys),
        frames_(options.want_stdout, options.want_stderr),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  PumpEnd run(std::string_view early_bytes) {
    std::thread input([this, early_bytes] { carry_input(early_bytes); });
    carry_output();
    finish(PumpEnd::kOutputEnded);
    (void)::eventfd_write(wake_.get(), 1);
    input.join();
    return end_;
  }

 private:
  // The first reason is the one. Frees an input that waits for a process which does not read.
  void finish(PumpEnd why) {
    if (!ended_.exchange(true)) end_ = why;
    ::shutdown(process_, SHUT_RDWR);
  }

  void carry_output() {
    std::string buffer(kBufferSize, '\0');
    for (;;) {
      ssize_t count = ::recv(process_, buffer.data(), buffer.size(), 0);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0 || ended_) return;
      std::string_view bytes(buffer.data(), static_cast<size_t>(count));
      if (!write_output(bytes)) {
        finish(PumpEnd::kClientGone);
        return;
      }
    }
  }

  bool write_output(std::string_view bytes) {
    if (options_.terminal) {
      return (!options_.want_stdout && !options_.want_stderr) || client_.write(bytes).has_value();
    }
    if (options_.want_stdout && options_.want_stderr) return client_.write(bytes).has_value();
    std::string wanted = frames_.pass(bytes);
    return wanted.empty() || client_.write(wanted).has_value();
  }

  void carry_input(std::string_view early_bytes) {
    if (!take_input(early_bytes)) return;
    std::string buffer(kBufferSize, '\0');
    bool open = true;
    while (wait_for_client(open)) {
      if (!open) continue;
      auto count = client_.read(buffer);
      if (!count || *count == 0) {
        open = false;
        if (options_.want_stdin) ::shutdown(process_, SHUT_WR);
        if (!count) finish(PumpEnd::kClientGone);
        continue;
      }
      if (!take_input(std::string_view(buffer).substr(0, *count))) return;
    }
  }

  // Until the client has sent something; without input, until it is gone. False at the end.
  bool wait_for_client(bool open) {
    if (open && client_.has_buffered()) return true;
    short wanted = open ? POLLIN : 0;
    std::array<pollfd, 4> fds{{{client_.fd(), wanted, 0},
                               {wake_.get(), POLLIN, 0},
                               {cancel_.fd(), POLLIN, 0},
                               {shutdown_.fd(), POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), -1);
    if (fds[1].revents != 0) return false;
    if (fds[2].revents != 0 || fds[3].revents != 0) {
      finish(PumpEnd::kCancelled);
      return false;
    }
    if ((fds[0].revents & POLLIN) != 0) return true;
    if ((fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
      finish(PumpEnd::kClientGone);
      return false;
    }
    return true;
  }

  // False once the user has detached.
  bool take_input(std::string_view bytes) {
    if (!options_.want_stdin || bytes.empty()) return true;
    // A process that has closed its input gets none; its output goes on.
    if (options_.detach_keys.empty()) {
      (void)send_all(process_, bytes);
      return true;
    }
    (void)send_all(process_, keys_.pass(bytes));
    if (!keys_.detached()) return true;
    finish(PumpEnd::kDetached);
    return false;
  }

  net::Stream& client_;
  int process_;
  const PumpOptions& options_;
  const CancelToken& cancel_;
  const CancelToken& shutdown_;
  DetachFilter keys_;
  FrameFilter frames_;
  UniqueFd wake_;
  std::atomic<bool> ended_ = false;
  PumpEnd end_ = PumpEnd::kOutputEnded;  // of who set ended_; read when both threads are done
};

}  // namespace

std::string make_frame(StreamKind stream, std::string_view payload) {
  std::string out(8, '\0');
  out[0] = static_cast<char>(stream);
  auto size = static_cast<uint32_t>(payload.size());
  for (unsigned i = 0; i < 4; ++i) out[4 + i] = static_cast<char>(size >> (24U - 8 * i));
  return out.append(payload);
}

// True once the header is complete; it is kept until the next one begins.
bool FrameReader::take_header(std::string_view bytes) {
  header_.append(bytes);
  if (header_.size() < kHeaderSize) return false;
  stream_ = static_cast<StreamKind>(header_[0]);
  for (unsigned i = 4; i < kHeaderSize; ++i) {
    payload_left_ = payload_left_ << 8U | static_cast<unsigned char>(header_[i]);
  }
  return true;
}

std::string FrameReader::payload(std::string_view bytes) {
  std::string out;
  read(bytes, [&](StreamKind, bool is_header, std::string_view piece) {
    if (!is_header) out.append(piece);
  });
  return out;
}

std::string FrameFilter::pass(std::string_view bytes) {
  std::string out;
  frames_.read(bytes, [&](StreamKind stream, bool, std::string_view piece) {
    if (wants(stream)) out.append(piece);
  });
  return out;
}

PumpEnd pump_streams(net::Stream& client, std::string_view early_bytes, int process,
                     const PumpOptions& options, const CancelToken& cancel,
                     const CancelToken& shutdown) {
  return Pump(client, process, options, cancel, shutdown).run(early_bytes);
}

void end_client(net::Stream& client) {
  if (!client.shutdown_write()) return;
  std::string dropped(kBufferSize, '\0');
  for (;;) {
    pollfd waiting{client.fd(), POLLIN, 0};
    if (::poll(&waiting, 1, kLingerMs) <= 0) return;
    auto count = client.read(dropped);
    if (!count || *count == 0) return;
  }
}

}  // namespace skiff::engine
