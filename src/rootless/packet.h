// What keeper, holder and daemon tell each other: packets of words, some with a descriptor, over
// SOCK_SEQPACKET sockets; each request has one answer, "ok WORDS" or "error ERRNO TEXT".
//
//   Asked of the keeper                  Answer
//   join                                 ok user|mnt|net, three packets, each with the namespace
//   uplink                               ok NAMESERVER; starts one where none runs
//   socket DOMAIN TYPE PROTOCOL          ok, with a socket of the host's network
//   take PORT                            ok NUMBER: the host's port is bound, nothing answers yet
//   lead PORT ADDRESS NUMBER             ok: its connections go to that address inside
//   drop PORT                            ok: free again
//   settle                               ok: ports of an earlier daemon, not taken again, are free
//   end                                  ok: keeper, holder and uplink end
//
// PORT is three words: "tcp 0.0.0.0 8080". The holder knows lead, with the bound socket, and drop.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skiff::rootless {

struct Packet {
  std::string text;  // "" at the end: the other side has gone
  UniqueFd fd;       // where one came along
};

Result<> send_packet(int socket, std::string_view text, int fd = -1);
Result<Packet> receive_packet(int socket);

std::string encode_answer(const Result<>& outcome);
// The words after "ok"; an "error" as the Error that it was.
Result<std::string> decode_answer(std::string_view text);
// Asks and waits for the answer, which must come without a descriptor.
Result<std::string> ask(int socket, std::string_view request, int fd = -1);

}  // namespace skiff::rootless
