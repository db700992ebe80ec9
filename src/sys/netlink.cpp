#include "sys/netlink.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <thread>

#include "base/strings.h"

namespace skiff::sys {

namespace {

constexpr size_t kReceiveBuffer = 64UL << 10U;

constexpr size_t aligned(size_t size) { return (size + 3) & ~size_t{3}; }

void pad(std::string& bytes) { bytes.resize(aligned(bytes.size())); }

template <typename T>
T load(std::string_view bytes) {
  T value{};
  bytes = bytes.substr(0, sizeof value);
  if (!bytes.empty()) std::memcpy(&value, bytes.data(), bytes.size());
  return value;
}

// The error an NLMSG_ERROR payload reports; success is errno 0.
Result<> answer_of(const nlmsghdr& header, std::string_view payload) {
  const int err = -load<nlmsgerr>(payload).error;
  if (err == 0) return {};
  std::string why = "netlink";
  const bool capped = (header.nlmsg_flags & NLM_F_CAPPED) != 0;
  if ((header.nlmsg_flags & NLM_F_ACK_TLVS) != 0 && capped && payload.size() > sizeof(nlmsgerr)) {
    const std::string text =
        NetlinkAttributes(payload.substr(sizeof(nlmsgerr))).text(NLMSGERR_ATTR_MSG);
    if (!text.empty()) why += cat(" (", text, ")");
  }
  return Error::from_errno(err, why);
}

// Visits the messages of one datagram until `visit` returns false.
template <typename Visit>
void for_each_message(std::string_view datagram, Visit visit) {
  while (datagram.size() >= sizeof(nlmsghdr)) {
    const auto header = load<nlmsghdr>(datagram);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size()) return;
    const std::string_view payload =
        datagram.substr(sizeof header, header.nlmsg_len - sizeof header);
    if (!visit(header, payload)) return;
    datagram.remove_prefix(std::min<size_t>(aligned(header.nlmsg_len), datagram.size()));
  }
}

}  // namespace

void NetlinkMessage::append(const void* data, size_t size) {
  body_.append(static_cast<const char*>(data), size);
  pad(body_);
}

void NetlinkMessage::put_bytes(uint16_t attribute, std::string_view bytes) {
  const nlattr head{static_cast<uint16_t>(sizeof(nlattr) + bytes.size()), attribute};
  body_.append(reinterpret_cast<const char*>(&head), sizeof head);
  append(bytes.data(), bytes.size());
}

void NetlinkMessage::put_text(uint16_t attribute, std::string_view text) {
  put_bytes(attribute, std::string(text).append(1, '\0'));
}

size_t NetlinkMessage::open_nest(uint16_t attribute) {
  const size_t start = body_.size();
  const nlattr head{0, static_cast<uint16_t>(attribute | NLA_F_NESTED)};
  body_.append(reinterpret_cast<const char*>(&head), sizeof head);
  return start;
}

void NetlinkMessage::close_nest(size_t start) {
  const auto length = static_cast<uint16_t>(body_.size() - start);
  std::memcpy(body_.data() + start, &length, sizeof length);
}

std::string_view NetlinkAttributes::find(uint16_t attribute) const {
  std::string_view rest = bytes_;
  while (rest.size() >= sizeof(nlattr)) {
    const auto head = load<nlattr>(rest);
    if (head.nla_len < sizeof head || head.nla_len > rest.size()) break;
    if ((head.nla_type & NLA_TYPE_MASK) == attribute) {
      return rest.substr(sizeof head, head.nla_len - sizeof head);
    }
    rest.remove_prefix(std::min(aligned(head.nla_len), rest.size()));
  }
  return {};
}

std::string NetlinkAttributes::text(uint16_t attribute) const {
  std::string_view found = find(attribute);
  if (!found.empty() && found.back() == '\0') found.remove_suffix(1);
  return std::string(found);
}

uint32_t NetlinkAttributes::number(uint16_t attribute) const {
  return load<uint32_t>(find(attribute));
}

Result<NetlinkSocket> NetlinkSocket::open(int protocol) {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd) return Error::from_errno(errno, "open netlink socket");
  const int on = 1;
  // Both only improve error texts: a kernel without them works too.
  ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  const sockaddr_nl self{AF_NETLINK, 0, 0, 0};
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&self), sizeof self) != 0) {
    return Error::from_errno(errno, "bind netlink socket");
  }
  return NetlinkSocket(std::move(fd));
}

uint32_t NetlinkSocket::add(std::string& out, const NetlinkMessage& message, uint16_t more_flags) {
  const nlmsghdr header{
      static_cast<uint32_t>(sizeof header + message.body().size()), message.type(),
      static_cast<uint16_t>(message.flags() | more_flags | NLM_F_REQUEST), sequence_++, 0};
  out.append(reinterpret_cast<const char*>(&header), sizeof header);
  out.append(message.body());
  pad(out);
  return header.nlmsg_seq;
}

Result<> NetlinkSocket::transmit(const std::string& bytes) {
  const sockaddr_nl kernel{AF_NETLINK, 0, 0, 0};
  ssize_t sent = 0;
  do {
    sent = ::sendto(fd_.get(), bytes.data(), bytes.size(), 0,
                    reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return Error::from_errno(errno, "send to netlink");
  return {};
}

Result<std::string> NetlinkSocket::receive() {
  std::string buffer;
  ssize_t got = 0;
  buffer.resize_and_overwrite(kReceiveBuffer, [&](char* data, size_t size) {
    do {
      got = ::recv(fd_.get(), data, size, 0);
    } while (got < 0 && errno == EINTR);
    return static_cast<size_t>(std::max<ssize_t>(got, 0));
  });
  if (got < 0) return Error::from_errno(errno, "receive from netlink");
  return buffer;
}

// Waits for the answers to the `count` messages from sequence number `first` on; answers
// to earlier messages, left unread by a failure, are passed over. A batch that is refused
// as a whole is answered once, for its begin: the message before the first.
Result<> NetlinkSocket::await_answers(uint32_t first, size_t count) {
  Result<> outcome;
  while (count > 0) {
    const std::string datagram = TRY(receive());
    for_each_message(datagram, [&](const nlmsghdr& header, std::string_view payload) {
      if (header.nlmsg_type != NLMSG_ERROR || header.nlmsg_seq + 1 < first) return true;
      Result<> answer = answer_of(header, payload);
      if (!answer && outcome) outcome = std::move(answer);
      count = header.nlmsg_seq < first ? 0 : count - 1;
      return count > 0;
    });
  }
  return outcome;
}

Result<> NetlinkSocket::send(std::span<const NetlinkMessage> messages) {
  std::string bytes;
  const uint32_t first = sequence_;
  for (const NetlinkMessage& message : messages) add(bytes, message, NLM_F_ACK);
  TRY(transmit(bytes));
  return await_answers(first, messages.size());
}

Result<> NetlinkSocket::send_nft_batch(std::span<const NetlinkMessage> messages) {
  const nfgenmsg edge{AF_UNSPEC, NFNETLINK_V0, htons(NFNL_SUBSYS_NFTABLES)};
  std::string bytes;
  const uint32_t begin = add(bytes, NetlinkMessage(NFNL_MSG_BATCH_BEGIN, 0, edge), 0);
  for (const NetlinkMessage& message : messages) add(bytes, message, NLM_F_ACK);
  add(bytes, NetlinkMessage(NFNL_MSG_BATCH_END, 0, edge), 0);
  TRY(transmit(bytes));
  return await_answers(begin + 1, messages.size());
}

Result<> NetlinkSocket::dump(const NetlinkMessage& request, const Visitor& visit) {
  std::string bytes;
  const uint32_t sequence = add(bytes, request, NLM_F_DUMP);
  TRY(transmit(bytes));
  Result<> outcome;
  bool done = false;
  while (!done) {
    const std::string datagram = TRY(receive());
    for_each_message(datagram, [&](const nlmsghdr& header, std::string_view payload) {
      if (header.nlmsg_seq != sequence) return true;
      done = header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR;
      if (header.nlmsg_type == NLMSG_ERROR) outcome = answer_of(header, payload);
      if (!done) visit(header.nlmsg_type, payload);
      return !done;
    });
  }
  return outcome;
}

Result<> run_in_network_namespace(int netns, const std::function<Result<>()>& action) {
  Result<> outcome;
  // A thread that is thrown away can never come back in the wrong namespace.
  std::thread([&] {
    if (::setns(netns, CLONE_NEWNET) != 0) {
      outcome = Error::from_errno(errno, "enter the network namespace");
      return;
    }
    outcome = action();
  }).join();
  return outcome;
}

}  // namespace skiff::sys
