// Channel: what a container's new process and its creator tell each other while it is set up.
//
// The new process sends warnings and what it does, and last either kReady or the Error that stopped
// it; a channel that closes without either is a process that died. The creator answers kBorn,
// kEntered, kCloned and kMounted with kGo once its part is done.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skiff::runtime {

enum class Signal : char {
  kBorn = 'B',     // in the new namespaces; waits for kGo
  kEntered = 'N',  // in all its namespaces; waits for kGo
  kCloned = 'C',   // a mount in the root; text: its number and descriptor; waits for kGo
  kMounted = 'M',  // the root file system is made, not yet entered; waits for kGo
  kGo = 'G',       // text: the container's state as JSON
  kReady = 'R',    // all is set up
  kWarning = 'W',  // text: the warning
  kStep = 'S',     // text: what is being done, for debug()
  kError = 'E',    // text: the code's number and the message
  kClosed = 0,     // the other end has gone
};

struct Message {
  Signal signal = Signal::kClosed;
  std::string text;
};

class Channel {
 public:
  struct Ends;
  static Result<Ends> make();
  Channel() = default;
  explicit Channel(UniqueFd socket) : socket_(std::move(socket)) {}

  int fd() const { return socket_.get(); }
  void close() { socket_.reset(); }

  Result<> send(Signal signal, std::string_view text = {}) const;
  // Best effort: there is nobody else to tell.
  void send_error(const Error& error) const;
  // From now on debug() of this process, the new one, is the creator's. The channel must outlive
  // it; once closed it carries nothing.
  void carry_debug() const;
  // The next message; kClosed at the end. Errors of the other side come as Errors, warnings
  // and steps are passed on and skipped.
  Result<Message> receive() const;
  // The next message, which must be `wanted`; `who` died when the channel is closed.
  Result<std::string> expect(Signal wanted, std::string_view who) const;
  // The same of a message that was received already.
  static Result<std::string> check(Message message, Signal wanted, std::string_view who);

 private:
  UniqueFd socket_;
};

struct Channel::Ends {
  Channel creator;
  Channel process;
};

// An Error as text and back.
std::string encode_error(const Error& error);
Error decode_error(std::string_view text);

}  // namespace skiff::runtime
