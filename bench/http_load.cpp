// http_load: many keep-alive connections that ask for one thing, from one thread. Prints one JSON
// object: requests, errors, seconds, bytes, and percentiles of latency in microseconds.
//
//   http_load --port 5000 --path /v2/a/manifests/1 --connections 64 --seconds 5
//   http_load ... --rate 5000      open loop
//
// Without a rate each connection asks again as soon as it is answered: a closed loop, which shows
// the most that a server does, and whose latency is little more than the connections divided by
// that. With a rate requests fall due evenly however slow the server is, and latency counts from
// when a request was due (no coordinated omission): what users of a server feel that has that load.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/flags.h"
#include "base/strings.h"
#include "base/unique_fd.h"

namespace skiff {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

struct Plan {
  std::string port = "5000";
  std::string method = "GET";
  std::string path = "/v2/";
  std::string accept = "*/*";
  std::string connections = "1";
  std::string seconds = "5";
  std::string rate = "0";
  std::string requests = "0";
};

[[noreturn]] void fail(std::string_view what) {
  fprintf(stderr, "http_load: %.*s: %s\n", static_cast<int>(what.size()), what.data(),
          strerror(errno));  // NOLINT(concurrency-mt-unsafe): there is one thread.
  exit(1);                   // NOLINT(concurrency-mt-unsafe)
}

UniqueFd connect_to(uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) fail("make a socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    fail("connect");
  }
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

// One connection's answer as it comes: a head of at most 64 KiB, then a body by its length.
class Answer {
 public:
  explicit Answer(bool has_body) : has_body_(has_body) {}

  // Takes what came; true when the answer is whole.
  bool take(std::string_view bytes) {
    if (!in_body_) {
      head_.append(bytes);
      const size_t end = head_.find("\r\n\r\n");
      if (end == std::string::npos) return false;
      in_body_ = true;
      good_ = head_.starts_with("HTTP/1.1 200") || head_.starts_with("HTTP/1.1 206");
      left_ = has_body_ ? length_of(std::string_view(head_).substr(0, end)) : 0;
      bytes = bytes.substr(bytes.size() - (head_.size() - end - 4));
    }
    left_ -= std::min<uint64_t>(left_, bytes.size());
    return left_ == 0;
  }
  bool good() const { return good_; }
  void reset() {
    head_.clear();
    in_body_ = false;
  }

 private:
  static uint64_t length_of(std::string_view head) {
    const std::string lower = to_lower(head);
    constexpr std::string_view kField = "\r\ncontent-length: ";
    const size_t at = lower.find(kField);
    if (at == std::string::npos) return 0;
    uint64_t length = 0;
    std::from_chars(lower.data() + at + kField.size(), lower.data() + lower.size(), length);
    return length;
  }

  const bool has_body_;
  std::string head_;
  bool in_body_ = false;
  bool good_ = false;
  uint64_t left_ = 0;
};

struct Connection {
  UniqueFd fd;
  Answer answer;
  Clock::time_point asked_at;  // when its request was due
};

class Load {
 public:
  Load(const Plan& plan, size_t connections)
      : text_(cat(plan.method, " ", plan.path, " HTTP/1.1\r\nHost: 127.0.0.1:", plan.port,
                  "\r\nAccept: ", plan.accept, "\r\n\r\n")),
        port_(static_cast<uint16_t>(parse_uint(plan.port).value_or(0))) {
    for (size_t i = 0; i < connections; ++i) {
      connections_.push_back({connect_to(port_), Answer(plan.method != "HEAD"), {}});
      watch(i);
      idle_.push_back(i);
    }
  }

  // At most `requests`, if not 0; at `rate` a second, if not 0.
  void run(std::chrono::duration<double> length, uint64_t requests, double rate) {
    const auto start = Clock::now();
    const auto end = start + std::chrono::duration_cast<Clock::duration>(length);
    uint64_t asked = 0;
    for (;;) {
      const auto now = Clock::now();
      const bool may_ask = now < end && (requests == 0 || asked < requests);
      if (!may_ask && busy_ == 0) break;
      if (now > end + std::chrono::seconds(10)) {
        errors_ += busy_;  // never answered
        break;
      }
      while (may_ask && !idle_.empty() && (requests == 0 || asked < requests)) {
        const auto due =
            rate > 0 ? start + std::chrono::duration_cast<Clock::duration>(
                                   std::chrono::duration<double>(static_cast<double>(asked) / rate))
                     : Clock::now();
        if (due > Clock::now()) break;
        ask(due);
        ++asked;
      }
      const bool paced = rate > 0 && may_ask && !idle_.empty();
      const double next = paced ? static_cast<double>(asked) / rate : 0;
      const auto wait = start + std::chrono::duration<double>(next) - Clock::now();
      receive(paced ? std::max(wait, wait.zero()) : std::chrono::milliseconds(100));
    }
    seconds_ = std::chrono::duration<double>(Clock::now() - start).count();
  }

  void print() {
    std::ranges::sort(latencies_);
    const auto at = [&](double part) -> long {
      if (latencies_.empty()) return 0;
      const auto i = static_cast<size_t>(part * static_cast<double>(latencies_.size() - 1));
      return static_cast<long>(latencies_[i]);
    };
    printf(
        "{\"requests\": %zu, \"errors\": %zu, \"seconds\": %.3f, \"bytes\": %llu, \"p50\": %ld, "
        "\"p90\": %ld, \"p99\": %ld, \"p999\": %ld, \"max\": %ld}\n",
        latencies_.size(), errors_, seconds_, static_cast<unsigned long long>(bytes_), at(0.5),
        at(0.9), at(0.99), at(0.999), at(1));
  }

 private:
  void watch(size_t i) {
    epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connections_[i].fd.get(), &event) != 0) {
      fail("watch a connection");
    }
  }

  void ask(Clock::time_point due) {
    const size_t i = idle_.front();
    idle_.pop_front();
    ++busy_;
    connections_[i].asked_at = due;
    const ssize_t n = ::send(connections_[i].fd.get(), text_.data(), text_.size(), MSG_NOSIGNAL);
    if (n != static_cast<ssize_t>(text_.size())) replace(i);
  }

  void receive(std::chrono::duration<double> wait) {
    std::array<epoll_event, 256> events;
    const timespec timeout{.tv_sec = 0, .tv_nsec = static_cast<long>(wait.count() * 1e9)};
    const int n = ::epoll_pwait2(epoll_.get(), events.data(), events.size(), &timeout, nullptr);
    for (const epoll_event& event : std::span(events).first(static_cast<size_t>(std::max(n, 0)))) {
      read(event.data.u64);
    }
  }

  void read(size_t i) {
    Connection& c = connections_[i];
    const ssize_t n = ::recv(c.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return replace(i);
    bytes_ += static_cast<uint64_t>(n);
    if (!c.answer.take({buffer_.data(), static_cast<size_t>(n)})) return;
    if (c.answer.good()) {
      latencies_.push_back(
          std::chrono::duration_cast<microseconds>(Clock::now() - c.asked_at).count());
    } else {
      ++errors_;
    }
    rest(i);
  }

  void rest(size_t i) {
    connections_[i].answer.reset();
    --busy_;
    idle_.push_back(i);
  }

  // The server closed it: an error where it owed an answer.
  void replace(size_t i) {
    const bool owed = std::ranges::find(idle_, i) == idle_.end();
    connections_[i].fd = connect_to(port_);
    watch(i);
    if (!owed) return;
    ++errors_;
    rest(i);
  }

  const std::string text_;
  const uint16_t port_;
  UniqueFd epoll_{::epoll_create1(EPOLL_CLOEXEC)};
  std::vector<Connection> connections_;
  std::deque<size_t> idle_;
  size_t busy_ = 0;
  std::vector<int64_t> latencies_;
  size_t errors_ = 0;
  uint64_t bytes_ = 0;
  double seconds_ = 0;
  std::vector<char> buffer_ = std::vector<char>(size_t{1} << 18U);
};

int run(std::span<char* const> arguments) {
  Plan plan;
  const Flag flags[] = {
      {"port", "N", "of 127.0.0.1", &plan.port},
      {"method", "NAME", "GET or HEAD", &plan.method},
      {"path", "PATH", "what to ask for", &plan.path},
      {"accept", "TYPES", "the Accept header", &plan.accept},
      {"connections", "N", "open at once", &plan.connections},
      {"seconds", "N", "how long", &plan.seconds},
      {"rate", "N", "requests a second; 0 for a closed loop", &plan.rate},
      {"requests", "N", "at most; 0 for no limit", &plan.requests},
  };
  if (auto parsed = parse_flags(arguments, flags); !parsed) {
    fprintf(stderr, "%s\n%s", parsed.error().message().c_str(), flags_help(flags).c_str());
    return 2;
  }
  Load load(plan, parse_uint(plan.connections).value_or(1));
  load.run(std::chrono::duration<double>(static_cast<double>(parse_uint(plan.seconds).value_or(5))),
           parse_uint(plan.requests).value_or(0),
           static_cast<double>(parse_uint(plan.rate).value_or(0)));
  load.print();
  return 0;
}

}  // namespace
}  // namespace skiff

int main(int argc, char** argv) {
  return skiff::run(std::span<char* const>(argv + 1, static_cast<size_t>(argc - 1)));
}
