#include "runtime/monitor_io.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "sys/process.h"
#include "sys/unix_socket.h"

namespace skiff::runtime {

namespace {

constexpr size_t kHeaderSize = 8;
constexpr size_t kBuffer = 32 << 10;
constexpr int kTerminalWaitMs = 10'000;

// Single-threaded program, one buffer: a header's place, then what was read. Whole pages, which are
// nobody else's.
alignas(4096) std::array<char, kBuffer> g_buffer;

void put_header(char* header, int stream, size_t size) {
  header[0] = static_cast<char>(stream);
  std::fill(header + 1, header + 4, '\0');
  for (unsigned i = 0; i < 4; ++i) header[4 + i] = static_cast<char>(size >> (24U - 8 * i));
}

Result<> set_nonblocking(int fd) {
  int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
    return Error::from_errno(errno, "make a descriptor non-blocking");
  }
  return {};
}

Result<UniqueFd> duplicate(int fd) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy) return Error::from_errno(errno, "duplicate a descriptor");
  return copy;
}

}  // namespace

std::string make_output_frame(int stream, std::string_view payload) {
  std::string frame(kHeaderSize, '\0');
  put_header(frame.data(), stream, payload.size());
  return frame.append(payload);
}

ProcessIo::ProcessIo(EventLoop& loop, IoOptions options, IoCallbacks callbacks)
    : loop_(loop),
      options_(std::move(options)),
      callbacks_(std::move(callbacks)),
      input_(loop, [this] {
        for (Client& client : clients_) settle(client);
      }) {}

ProcessIo::~ProcessIo() {
  loop_.cancel_call(regulate_call_);
  loop_.cancel_call(drain_call_);
  for (Output& output : outputs_) {
    if (output.fd) loop_.remove(output.fd.get());
  }
  for (Client& client : clients_) {
    if (client.socket) loop_.remove(client.socket.get());
  }
}

Result<> ProcessIo::open() {
  if (options_.terminal) {
    auto [ours, theirs] = TRY(sys::socket_pair(SOCK_STREAM));
    console_ = std::move(ours);
    child_console_ = std::move(theirs);
    return {};
  }
  return open_pipes();
}

Result<> ProcessIo::open_pipes() {
  child_in_ = TRY(open_file("/dev/null", O_RDONLY));
  child_out_ = TRY(open_file("/dev/null", O_WRONLY));
  child_err_ = TRY(duplicate(child_out_.get()));
  if (options_.open_stdin) {
    sys::Pipe pipe = TRY(sys::make_pipe());
    child_in_ = std::move(pipe.read);
    our_in_ = std::move(pipe.write);
    TRY(set_nonblocking(our_in_.get()));
  }
  auto open_output = [&](OutputStream stream, UniqueFd& child_end) -> Result<> {
    sys::Pipe pipe = TRY(sys::make_pipe());
    TRY(set_nonblocking(pipe.read.get()));
    child_end = std::move(pipe.write);
    outputs_.push_back({std::move(pipe.read), stream});
    return {};
  };
  if (options_.want_stdout) TRY(open_output(OutputStream::kStdout, child_out_));
  if (options_.want_stderr) TRY(open_output(OutputStream::kStderr, child_err_));
  return {};
}

Result<> ProcessIo::begin() {
  if (options_.terminal) TRY(take_terminal());
  for (UniqueFd* fd : {&child_in_, &child_out_, &child_err_, &child_console_, &console_}) {
    fd->reset();
  }
  for (Output& output : outputs_) TRY(watch_output(output));
  if (our_in_) TRY(input_.open(std::move(our_in_)));
  return {};
}

Result<> ProcessIo::take_terminal() {
  pollfd polled{console_.get(), POLLIN, 0};
  if (::poll(&polled, 1, kTerminalWaitMs) <= 0) {
    return Error(Code::kDeadlineExceeded, "the container's terminal did not arrive");
  }
  UniqueFd master = TRY(sys::receive_fd(console_.get()));
  TRY(set_nonblocking(master.get()));
  terminal_end_ = UniqueFd(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (options_.open_stdin) our_in_ = TRY(duplicate(master.get()));
  outputs_.push_back({std::move(master), OutputStream::kStdout});
  return {};
}

Result<> ProcessIo::watch_output(Output& output) {
  return loop_.add(output.fd.get(), EPOLLIN, [this, &output](uint32_t) { read_output(output); });
}

void ProcessIo::read_output(Output& output) {
  ssize_t n = ::read(output.fd.get(), g_buffer.data() + kHeaderSize, kBuffer - kHeaderSize);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  // A terminal's end is an error, EIO.
  if (n <= 0) {
    end_output(output);
    return;
  }
  const auto size = static_cast<size_t>(n);
  last_output_ = std::chrono::steady_clock::now();
  put_header(g_buffer.data(), static_cast<int>(output.stream), size);
  std::string_view frame(g_buffer.data(), kHeaderSize + size);
  callbacks_.on_output(output.stream, frame.substr(kHeaderSize));
  fan_out(frame, frame.substr(kHeaderSize));
}

// Where pages are longer it may stay.
void ProcessIo::give_back_memory() {
  [[maybe_unused]] int given = ::madvise(g_buffer.data(), g_buffer.size(), MADV_DONTNEED);
}

void ProcessIo::end_output(Output& output) {
  loop_.remove(output.fd.get());
  output.fd.reset();
  end_if_drained();
}

void ProcessIo::end_if_drained() {
  bool open = std::any_of(outputs_.begin(), outputs_.end(),
                          [](const Output& output) { return static_cast<bool>(output.fd); });
  if (open || !ended_ || drained_) return;
  drained_ = true;
  loop_.cancel_call(drain_call_);
  // Last: it may lead to finish() and to this object's end.
  callbacks_.on_drained();
}

}  // namespace skiff::runtime
