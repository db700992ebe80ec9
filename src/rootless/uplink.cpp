#include "rootless/uplink.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/strings.h"
#include "sys/namespaces.h"

namespace skiff::rootless {

namespace {

// Of the addresses of one link: on no network but between the namespace and pasta.
constexpr std::string_view kPastaNameserver = "169.254.1.1";
constexpr std::string_view kSlirpNameserver = "10.0.2.3";
constexpr int kPatienceMilliseconds = 10'000;

bool is_installed(std::string_view program) {
  const char* path = ::getenv("PATH");
  for (const std::string& directory : split(path == nullptr ? "" : path, ':')) {
    if (::access((Path(directory) / program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

Error failed(UplinkKind kind, std::string_view why) {
  return Error(Code::kUnavailable, cat(program_of(kind), " gives the containers no way out: ",
                                       trim(why).empty() ? "it ended without a word" : trim(why)));
}

// The last line tells why; the ones before tell what it has tried.
std::string last_line(const std::string& text) {
  std::string last;
  for (const std::string& line : split(text, '\n')) {
    if (!trim(line).empty() && line.find("to syslog") == std::string::npos) last = line;
  }
  return last;
}

// It goes to the background once it works. Host addresses of loopback are not to be reached.
Result<UniqueFd> start_pasta(pid_t holder, const Path& pid_file) {
  const sys::Captured told = TRY(sys::run_captured(
      {.args = {"pasta", "--config-net", "--ipv4-only", "--no-map-gw", "--tcp-ports", "none",
                "--udp-ports", "none", "--tcp-ns", "none", "--udp-ns", "none", "--dns-forward",
                std::string(kPastaNameserver), "--pid", pid_file.native(), cat(holder)}}));
  if (told.code != 0) return failed(UplinkKind::kPasta, last_line(told.err));
  const auto pid = parse_int(trim(TRY(read_file(pid_file))));
  if (!pid) return failed(UplinkKind::kPasta, "it left no process number");
  return sys::open_pidfd(static_cast<pid_t>(*pid));
}

Result<UniqueFd> start_slirp(pid_t holder) {
  constexpr int kReadyFd = 3;
  sys::Pipe ready = TRY(sys::make_pipe());
  sys::Process slirp = TRY(sys::Process::spawn(
      {.args = {"slirp4netns", "--configure", "--mtu=65520", "--disable-host-loopback",
                cat("--ready-fd=", kReadyFd), cat(holder), "tap0"},
       .fds = {{ready.write.get(), kReadyFd}}}));
  ready.write.reset();
  pollfd polled{ready.read.get(), POLLIN, 0};
  char byte = 0;
  if (::poll(&polled, 1, kPatienceMilliseconds) <= 0 || ::read(ready.read.get(), &byte, 1) != 1) {
    return failed(UplinkKind::kSlirp, "");
  }
  UniqueFd pidfd = TRY(sys::open_pidfd(slirp.pid()));
  slirp.detach();
  return pidfd;
}

}  // namespace

std::optional<UplinkKind> find_uplink() {
  for (const UplinkKind kind : {UplinkKind::kPasta, UplinkKind::kSlirp}) {
    if (is_installed(program_of(kind))) return kind;
  }
  return std::nullopt;
}

std::string_view program_of(UplinkKind kind) {
  return kind == UplinkKind::kPasta ? "pasta" : "slirp4netns";
}

std::string_view nameserver_of(UplinkKind kind) {
  return kind == UplinkKind::kPasta ? kPastaNameserver : kSlirpNameserver;
}

Result<Uplink> Uplink::start(UplinkKind kind, pid_t holder, const Path& pid_file) {
  return Uplink(
      TRY(kind == UplinkKind::kPasta ? start_pasta(holder, pid_file) : start_slirp(holder)));
}

Uplink::~Uplink() {
  if (pidfd_) ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGTERM, nullptr, 0);
}

}  // namespace skiff::rootless
