#include "rootless/holder.h"

#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/strings.h"
#include "rootless/packet.h"
#include "rootless/port_relay.h"

namespace skiff::rootless {

namespace {

constexpr const char* kResolvConf = "/etc/resolv.conf";

Result<> become_root() {
  if (::setresgid(0, 0, 0) != 0) return Error::from_errno(errno, "become group 0");
  if (::setresuid(0, 0, 0) != 0) return Error::from_errno(errno, "become user 0");
  // Else the user's next daemon may not look at our namespaces.
  if (::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) return Error::from_errno(errno, "prctl");
  // Without the keeper nobody could reach us. Set here: a change of user takes it back.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return Error::from_errno(errno, "prctl");
  return {};
}

Result<> raise_loopback() {
  UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::memcpy(static_cast<char*>(request.ifr_name), "lo", 3);
  request.ifr_flags = IFF_UP;
  if (!socket || ::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) {
    return Error::from_errno(errno, "bring up the loopback interface");
  }
  return {};
}

// The host's search domains and options, with the uplink's name server.
std::string resolv_conf_text(const std::string& host, const std::string& nameserver) {
  std::string text = cat("nameserver ", nameserver, "\n");
  for (const std::string& line : split(host, '\n')) {
    if (!line.empty() && !line.starts_with("nameserver") && line[0] != '#') text += line + "\n";
  }
  return text;
}

Result<> cover_resolv_conf(const HolderOptions& options) {
  std::error_code ec;
  const Path place = std::filesystem::canonical(kResolvConf, ec);
  if (options.nameserver.empty() || ec) return {};
  const std::string host = TRY(read_file(place));
  TRY(write_file(options.resolv_conf, resolv_conf_text(host, options.nameserver)));
  if (::mount(options.resolv_conf.c_str(), place.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return Error::from_errno(errno, cat("mount over ", place.native()));
  }
  return {};
}

Result<> prepare(const HolderOptions& options) {
  TRY(become_root());
  // What the host mounts later is seen; what is mounted here is not the host's business.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return Error::from_errno(errno, "part from the host's mounts");
  }
  TRY(cover_resolv_conf(options));
  return raise_loopback();
}

// "lead tcp 0.0.0.0 8080 172.17.0.2 80", "drop tcp 0.0.0.0 8080"
Result<> obey(PortRelay& relay, Packet packet) {
  const std::vector<std::string> words = split(packet.text, ' ');
  if (words.size() < 4) return Error(Code::kInvalidArgument, cat("unknown: ", packet.text));
  const HostPort port = TRY(HostPort::parse(words[1], words[2], words[3]));
  if (words[0] == "drop") {
    relay.drop(port);
    return {};
  }
  const auto number = words.size() == 6 ? parse_uint(words[5]) : std::nullopt;
  if (words[0] != "lead" || !number || !packet.fd) {
    return Error(Code::kInvalidArgument, cat("unknown: ", packet.text));
  }
  const sockaddr_in target = TRY(socket_address(words[4], static_cast<uint16_t>(*number)));
  return relay.lead(port, std::move(packet.fd), target);
}

Result<> serve(const UniqueFd& keeper) {
  PortRelay relay = TRY(PortRelay::make());
  for (;;) {
    std::array<pollfd, 2> polled{{{keeper.get(), POLLIN, 0}, {relay.fd(), POLLIN, 0}}};
    if (::poll(polled.data(), polled.size(), relay.patience()) < 0 && errno != EINTR) {
      return Error::from_errno(errno, "poll");
    }
    relay.turn();
    if (polled[0].revents == 0) continue;
    Packet packet = TRY(receive_packet(keeper.get()));
    if (packet.text.empty()) return {};
    TRY(send_packet(keeper.get(), encode_answer(obey(relay, std::move(packet)))));
  }
}

Result<> hold(const HolderOptions& options, const UniqueFd& keeper) {
  const Packet go = TRY(receive_packet(keeper.get()));
  if (go.text.empty()) return {};
  const Result<> prepared = prepare(options);
  TRY(send_packet(keeper.get(), encode_answer(prepared)));
  return prepared ? serve(keeper) : prepared;
}

}  // namespace

int run_holder(const HolderOptions& options, UniqueFd keeper) {
  ::prctl(PR_SET_NAME, "skiff-holder");
  ::signal(SIGPIPE, SIG_IGN);
  return hold(options, keeper) ? 0 : 1;
}

}  // namespace skiff::rootless
