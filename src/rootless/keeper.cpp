#include "rootless/keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <vector>

#include "base/strings.h"
#include "rootless/holder.h"
#include "rootless/keeper_ports.h"
#include "rootless/own_ids.h"
#include "rootless/packet.h"
#include "rootless/uplink.h"
#include "sys/namespaces.h"
#include "sys/process.h"
#include "sys/unix_socket.h"

namespace skiff::rootless {

namespace {

constexpr std::chrono::seconds kShortLife(1);

Result<> map(const char* program, const char* package, pid_t pid, uint32_t own,
             const std::vector<sys::IdRange>& ranges) {
  std::vector<std::string> args{program, cat(pid)};
  for (std::string& word : map_arguments(own, ranges)) args.push_back(std::move(word));
  const auto told = sys::run_captured({.args = args});
  if (!told && told.error().code() == Code::kNotFound) {
    return Error(Code::kFailedPrecondition,
                 cat("the program ", program, " was not found: sudo apt-get install ", package));
  }
  if (!told) return told.error();
  if (told->code == 0) return {};
  return Error(Code::kFailedPrecondition,
               cat(program, ": ", trim(told->err), ": skiff doctor tells what is missing"));
}

Result<> map_ids(pid_t pid) {
  const SubordinateIds ids = TRY(own_subordinate_ids());
  for (const auto& [ranges, file] :
       {std::pair(&ids.uids, "/etc/subuid"), std::pair(&ids.gids, "/etc/subgid")}) {
    if (!ranges->empty()) continue;
    return Error(Code::kFailedPrecondition,
                 cat("user ", ids.user, " has no ids in ", file, ": ", grant_command(ids.user)));
  }
  TRY(map("newuidmap", "uidmap", pid, ::getuid(), ids.uids));
  return map("newgidmap", "uidmap", pid, ::getgid(), ids.gids);
}

class Keeper {
 public:
  static Result<std::unique_ptr<Keeper>> make(const Path& directory);
  ~Keeper() {
    if (holder_.pid > 0) ::kill(holder_.pid, SIGKILL);
  }
  void run();

 private:
  explicit Keeper(Path directory) : directory_(std::move(directory)) {}

  Result<> make_namespaces();
  Result<> start_uplink();
  void replace_uplink();
  // False: the connection is to be closed.
  bool serve(int client);
  Result<std::string> answer(int client, const std::vector<std::string>& words);
  Result<> show_namespaces(int client) const;
  bool accept_client();
  bool has_others(int client);
  void end();

  Path directory_;
  UniqueFd socket_;
  std::vector<UniqueFd> clients_;
  std::optional<UplinkKind> uplink_kind_;
  sys::Child holder_;
  UniqueFd channel_;  // to the holder
  std::optional<Uplink> uplink_;
  std::chrono::steady_clock::time_point uplink_started_;
  KeeperPorts ports_;
  bool over_ = false;
};

Result<std::unique_ptr<Keeper>> Keeper::make(const Path& directory) {
  std::unique_ptr<Keeper> keeper(new Keeper(directory));
  keeper->uplink_kind_ = find_uplink();
  if (!keeper->uplink_kind_) {
    return Error(Code::kFailedPrecondition,
                 "neither pasta nor slirp4netns was found, which give containers a network: "
                 "sudo apt-get install passt");
  }
  TRY(keeper->make_namespaces());
  keeper->socket_ = TRY(sys::listen_unix(directory / kKeeperSocket, 16, SOCK_SEQPACKET));
  return keeper;
}

Result<> Keeper::make_namespaces() {
  auto [ours, theirs] = TRY(sys::socket_pair(SOCK_SEQPACKET));
  const HolderOptions options{.nameserver = std::string(nameserver_of(*uplink_kind_)),
                              .resolv_conf = directory_ / "resolv.conf"};
  UniqueFd& own = ours;
  UniqueFd& holders = theirs;
  holder_ = TRY_CONTEXT(sys::clone_process({.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET},
                                           [&] {
                                             own.reset();
                                             return run_holder(options, std::move(holders));
                                           }),
                        "make a user namespace (skiff doctor tells what forbids it)");
  holders.reset();
  channel_ = std::move(own);
  TRY(map_ids(holder_.pid));
  TRY_CONTEXT(ask(channel_.get(), "go"), "prepare the rootless namespaces");
  return {};
}

Result<> Keeper::start_uplink() {
  if (uplink_) return {};
  uplink_.emplace(TRY(Uplink::start(*uplink_kind_, holder_.pid, directory_ / "uplink.pid")));
  uplink_started_ = std::chrono::steady_clock::now();
  return {};
}

// Another takes its place, but not of one that ended as soon as it was there.
void Keeper::replace_uplink() {
  uplink_.reset();
  if (std::chrono::steady_clock::now() - uplink_started_ < kShortLife) return;
  [[maybe_unused]] auto tried = start_uplink();  // the next daemon asks again, and is told
}

Result<> Keeper::show_namespaces(int client) const {
  for (const char* kind : {"user", "mount", "network"}) {
    const UniqueFd fd = TRY(sys::namespace_of(cat(holder_.pid), *sys::find_namespace(kind)));
    TRY(send_packet(client, cat("ok ", kind), fd.get()));
  }
  return {};
}

Result<std::string> Keeper::answer(int client, const std::vector<std::string>& words) {
  if (words[0] == "uplink") {
    TRY(start_uplink());
    return std::string(nameserver_of(*uplink_kind_));
  }
  if (words[0] == "end") {
    if (!has_others(client)) end();
    return std::string();
  }
  return ports_.answer(client, channel_.get(), words);
}

// False where none waits.
bool Keeper::accept_client() {
  pollfd waiting{socket_.get(), POLLIN, 0};
  if (::poll(&waiting, 1, 0) <= 0) return false;
  UniqueFd client(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!client) return false;
  clients_.push_back(std::move(client));
  return true;
}

// Whether another daemon has joined, or is about to: its namespaces do not go with the one that
// asks.
bool Keeper::has_others(int client) {
  while (accept_client()) continue;
  return std::any_of(clients_.begin(), clients_.end(), [&](const UniqueFd& each) {
    pollfd other{each.get(), 0, 0};
    return each && each.get() != client && ::poll(&other, 1, 0) == 0;
  });
}

// Before who asks is answered: whoever comes from here on starts another keeper.
void Keeper::end() {
  ::unlink((directory_ / kKeeperSocket).c_str());
  socket_.reset();
  over_ = true;
}

bool Keeper::serve(int client) {
  const Result<Packet> request = receive_packet(client);
  if (!request || request->text.empty()) return false;
  const std::vector<std::string> words = split(request->text, ' ');
  if (words[0] == "join") return show_namespaces(client).has_value();
  if (words[0] == "socket") {
    const Result<UniqueFd> made = host_socket(words);
    if (made) return send_packet(client, "ok", made->get()).has_value();
    return send_packet(client, encode_answer(made.error())).has_value();
  }
  const Result<std::string> told = answer(client, words);
  const std::string text = told ? cat("ok ", *told) : encode_answer(told.error());
  return send_packet(client, text).has_value();
}

void Keeper::run() {
  while (!over_) {
    std::vector<pollfd> polled{{socket_.get(), POLLIN, 0},
                               {holder_.pidfd.get(), POLLIN, 0},
                               {uplink_ ? uplink_->pidfd() : -1, POLLIN, 0}};
    for (const UniqueFd& client : clients_) polled.push_back({client.get(), POLLIN, 0});
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return end();
    if (polled[1].revents != 0) return end();  // nobody is left to keep anything for
    if (polled[2].revents != 0) replace_uplink();
    for (size_t i = 3; i < polled.size(); ++i) {
      const int client = polled[i].fd;
      if (polled[i].revents == 0 || serve(client)) continue;
      ports_.forget_client(client);
      clients_[i - 3].reset();
    }
    std::erase_if(clients_, [](const UniqueFd& client) { return !client; });
    accept_client();
    while (::waitpid(-1, nullptr, WNOHANG) > 0) continue;
  }
}

// Nothing of the starter's stays open but `report`.
Result<> let_go(int report) {
  ::setsid();
  ::prctl(PR_SET_NAME, "skiff-keeper");
  ::signal(SIGPIPE, SIG_IGN);
  const UniqueFd null = TRY(open_file("/dev/null", O_RDWR));
  for (const int standard : {0, 1, 2}) {
    if (::dup2(null.get(), standard) < 0) return Error::from_errno(errno, "dup2");
  }
  for (const auto& [first, last] : {std::pair(3, report - 1), std::pair(report + 1, INT32_MAX)}) {
    if (first <= last) ::close_range(static_cast<unsigned>(first), static_cast<unsigned>(last), 0);
  }
  if (::chdir("/") != 0) return Error::from_errno(errno, "chdir /");
  return {};
}

int run_keeper(const Path& directory, UniqueFd report) {
  Result<> parted = let_go(report.get());
  Result<std::unique_ptr<Keeper>> keeper =
      parted ? Keeper::make(directory) : Result<std::unique_ptr<Keeper>>(parted.error());
  const Result<> made = keeper ? Result<>() : Result<>(keeper.error());
  if (!send_packet(report.get(), encode_answer(made)) || !made) return 1;
  report.reset();
  (*keeper)->run();
  return 0;
}

}  // namespace

Result<> start_keeper(const Path& directory) {
  auto [ours, theirs] = TRY(sys::socket_pair(SOCK_SEQPACKET));
  UniqueFd& report = theirs;
  // Twice, so that the keeper is nobody's child who may wait for it.
  const sys::Child between = TRY(sys::clone_process({}, [&] {
    return sys::clone_process({}, [&] { return run_keeper(directory, std::move(report)); }) ? 0 : 1;
  }));
  theirs.reset();
  while (::waitpid(between.pid, nullptr, 0) < 0 && errno == EINTR) continue;
  const Packet answer = TRY(receive_packet(ours.get()));
  TRY(decode_answer(answer.text));
  return {};
}

}  // namespace skiff::rootless
