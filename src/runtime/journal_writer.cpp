#include "runtime/journal_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/io.h"
#include "base/strings.h"
#include "sys/unix_socket.h"

namespace skiff::runtime {

namespace {

// syslog's: info and err, as docker's driver has them; warning for our own word.
constexpr std::string_view kPriorityOut = "6";
constexpr std::string_view kPriorityErr = "3";
constexpr std::string_view kPriorityOurs = "4";

constexpr std::chrono::seconds kRetry{1};
// How long an end waits for a journal that does not take what is kept.
constexpr std::chrono::seconds kLastWait{2};
constexpr int kLastPollMs = 100;

// What no datagram holds goes as a sealed file.
Result<UniqueFd> sealed_file(std::string_view bytes) {
  UniqueFd file(::memfd_create("journal-message", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return Error::from_errno(errno, "memfd_create");
  FdSink sink(file.get());
  TRY(sink.write(bytes));
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) !=
      0) {
    return Error::from_errno(errno, "seal a memfd");
  }
  return file;
}

// A datagram without bytes, with the file; errno as sendmsg() leaves it.
bool send_file(int socket, int file) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &file, sizeof(int));
  return ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

std::string message_of(const std::string& common, std::string_view priority,
                       std::string_view text) {
  std::string message = common;
  append_journal_field(message, "PRIORITY", priority);
  append_journal_field(message, "MESSAGE", text);
  return message;
}

}  // namespace

void append_journal_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name);
  if (value.find('\n') == std::string_view::npos) {
    out.append("=").append(value).append("\n");
    return;
  }
  out += '\n';
  uint64_t size = value.size();
  for (unsigned i = 0; i < sizeof size; ++i) out += static_cast<char>(size >> (8 * i));
  out.append(value).append("\n");
}

JournalWriter::JournalWriter(EventLoop& loop, const JournalOptions& options,
                             std::function<void(Error)> report)
    : loop_(loop), path_(options.socket), report_(std::move(report)) {
  for (const auto& [name, value] : options.fields) append_journal_field(common_, name, value);
  // Said at the start, not with the first line, which may come much later.
  connect();
}

JournalWriter::~JournalWriter() {
  send_last();
  loop_.cancel_call(retry_call_);
  disconnect();
}

void JournalWriter::write(OutputStream stream, std::string_view bytes) {
  pieces_.add(stream, bytes, [&](std::string_view piece) { add_message(stream, piece); });
}

void JournalWriter::end() {
  pieces_.end([this](OutputStream stream, std::string_view rest) { add_message(stream, rest); });
  send_last();
}

void JournalWriter::send_last() {
  const SteadyTime deadline = std::chrono::steady_clock::now() + kLastWait;
  send_kept();
  while (!kept_.empty() && socket_ && std::chrono::steady_clock::now() < deadline) {
    pollfd writable{socket_.get(), POLLOUT, 0};
    ::poll(&writable, 1, kLastPollMs);
    send_kept();
  }
}

void JournalWriter::add_message(OutputStream stream, std::string_view text) {
  const bool partial = !text.ends_with('\n');
  if (!partial) text.remove_suffix(1);
  std::string message =
      message_of(common_, stream == OutputStream::kStderr ? kPriorityErr : kPriorityOut, text);
  if (partial) append_journal_field(message, "CONTAINER_PARTIAL_MESSAGE", "true");
  const bool first = kept_.empty();
  keep(std::move(message));
  if (first) send_kept();
}

void JournalWriter::keep(std::string message) {
  if (kept_bytes_ + message.size() > kMostKept) {
    ++lost_;
    if (lost_ == 1)
      tell(Error(Code::kResourceExhausted, "the journal takes nothing: lines are lost"));
    return;
  }
  kept_bytes_ += message.size();
  kept_.push_back(std::move(message));
}

void JournalWriter::send_kept() {
  while (!kept_.empty()) {
    if (!socket_ && !connect()) return;
    switch (send_one(kept_.front())) {
      case Sent::kYes:
        told_ = false;
        break;
      case Sent::kNotNow:
        wait_until_writable();
        return;
      case Sent::kNever:
        break;
    }
    kept_bytes_ -= kept_.front().size();
    kept_.pop_front();
    // The journal's reader is told of the gap.
    if (kept_.empty() && lost_ > 0) {
      keep(message_of(common_, kPriorityOurs,
                      cat("skiff: ", std::exchange(lost_, 0),
                          " lines of output were lost: the journal took none")));
    }
  }
  if (socket_) loop_.change(socket_.get(), 0);
}

JournalWriter::Sent JournalWriter::send_one(const std::string& message) {
  bool sent =
      ::send(socket_.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
  if (!sent && (errno == EMSGSIZE || errno == ENOBUFS)) {
    auto file = sealed_file(message);
    if (!file) {
      tell(std::move(file.error()));
      return Sent::kNever;
    }
    sent = send_file(socket_.get(), file->get());
  }
  if (sent) return Sent::kYes;
  if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) return Sent::kNotNow;
  const bool gone = errno == ECONNREFUSED || errno == ECONNRESET || errno == ENOTCONN;
  tell(Error::from_errno(errno, "send to the journal"));
  if (!gone) return Sent::kNever;
  // Its successor has another socket.
  disconnect();
  return Sent::kNotNow;
}

bool JournalWriter::connect() {
  auto socket = sys::connect_unix(path_, SOCK_DGRAM);
  if (!socket) {
    tell(std::move(socket.error()));
    wait_until_writable();
    return false;
  }
  socket_ = std::move(*socket);
  // Told of nothing until there is something to send.
  auto on_event = [this](uint32_t events) {
    // The journal has closed its end: its successor has another socket.
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) disconnect();
    send_kept();
  };
  if (auto added = loop_.add(socket_.get(), 0, on_event); !added) tell(std::move(added.error()));
  return true;
}

void JournalWriter::disconnect() {
  if (socket_) loop_.remove(socket_.get());
  socket_.reset();
}

void JournalWriter::wait_until_writable() {
  if (socket_) {
    loop_.change(socket_.get(), EPOLLOUT);
    return;
  }
  if (kept_.empty()) return;
  loop_.cancel_call(retry_call_);
  retry_call_ = loop_.call_after(kRetry, [this] { send_kept(); });
}

void JournalWriter::tell(Error error) {
  if (!std::exchange(told_, true)) report_(std::move(error));
}

}  // namespace skiff::runtime
