// Exchange: one request on a server's connection and its answer; the ResponseWriter that
// handlers see. Used by HttpServer only.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "net/http_server.h"
#include "net/message_reader.h"

namespace skiff::net {

// What an exchange asks of its connection's owner.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  // A token that is cancelled once the peer hangs up or the server stops.
  virtual CancelToken watch_peer() = 0;
  // The socket is about to leave the server.
  virtual void release() = 0;
};

class Exchange : public ResponseWriter {
 public:
  enum class End { kKeepAlive, kClose, kHijacked };

  Exchange(std::unique_ptr<Stream>& stream, MessageReader& reader, const ServerOptions& options,
           ConnectionOwner& owner);

  // Reads one request, lets `handler` answer it, and says what becomes of the connection.
  End run(const Handler& handler, const std::string& remote);

  Headers& headers() override { return headers_; }
  Result<> send(int status, std::string_view content_type, std::string_view body) override;
  Result<> send_file(int status, int file, uint64_t offset, uint64_t size) override;
  Result<> begin(int status) override;
  Result<> write(std::string_view chunk) override;
  Result<> finish() override;
  bool started() const override { return state_ != State::kNotStarted; }
  Result<Hijacked> hijack(std::string_view head) override;
  CancelToken client_gone() override { return owner_.watch_peer(); }

 private:
  enum class State { kNotStarted, kBody, kDone, kHijacked };
  enum class Framing { kNone, kLength, kChunked, kToClose };

  // The request's body as the handler reads it.
  class Body : public Source {
   public:
    explicit Body(Exchange& exchange) : exchange_(exchange) {}
    Result<size_t> read(std::span<char> buffer) override;

   private:
    Exchange& exchange_;
  };

  Result<std::optional<MessageHead>> read_head();
  Result<Request> make_request(const std::string& remote);
  void call(const Handler& handler, Request& request);
  End refuse(const Error& error);
  End finish_connection();
  void linger();
  Hijacked hand_over(std::string early_bytes);
  bool drain_body();
  bool body_wanted_but_not_asked() const;
  Result<> start(int status, Framing framing, uint64_t length, std::string_view body);
  std::string head_text(int status, Framing framing, uint64_t length);
  Result<> check(Result<> result);

  std::unique_ptr<Stream>& stream_;
  MessageReader& reader_;
  const ServerOptions& options_;
  ConnectionOwner& owner_;
  Body body_{*this};
  Pace body_pace_;
  std::optional<Error> body_error_;  // why no more of it can be read

  MessageHead request_;
  bool expects_continue_ = false;  // asked for, and not sent yet
  Headers headers_;
  // Held while a head or a "100 Continue" goes out, since another thread may read the body.
  std::mutex start_mutex_;
  State state_ = State::kNotStarted;
  Framing framing_ = Framing::kNone;
  uint64_t length_left_ = 0;
  bool send_body_ = true;  // false for HEAD, 204 and 304
  bool keep_alive_ = false;
  bool broken_ = false;  // a write failed
};

}  // namespace skiff::net
