// Exchange: one request on a server's connection and its answer; the ResponseWriter that
// handlers see. Used by HttpServer only. exchange.cpp has the request's way to a handler,
// exchange_answer.cpp the answer's to the client.
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

// An exchange goes on from wherever it stands: its head may be read, and a quick request be
// answered, on a thread that must not wait (receive_now, answer_now), and run() does the rest.
class Exchange : public ResponseWriter {
 public:
  enum class Arrival { kNothing, kRequest, kRefused, kHttp2, kGone };
  enum class End { kKeepAlive, kClose, kHijacked };

  // All must outlive it.
  Exchange(std::unique_ptr<Stream>& stream, MessageReader& reader, const ServerOptions& options,
           const std::string& remote, ConnectionOwner& owner);

  // Reads as much of the request's head as is there; kNothing while that is not all.
  Arrival receive_now();
  // The rest of the head took too long: it will be refused.
  void give_up_waiting();
  // After kRequest.
  const Request& request() const { return call_; }
  // Lets `handler` answer a request without a body. True when the answer has left whole and the
  // connection goes on; otherwise run() does what is left.
  bool answer_now(const Handler& handler);
  // Reads the request, unless it is there, lets `handler` answer it, unless it has, and says what
  // becomes of the connection.
  End run(const Handler& handler);

  Headers& headers() override { return headers_; }
  Result<> send(int status, std::string_view content_type, std::string_view body) override;
  Result<> send_file(int status, int file, uint64_t offset, uint64_t size) override;
  Result<> begin(int status) override;
  Result<> write(std::string_view chunk) override;
  Result<> finish() override;
  bool started() const override { return state_ != State::kNotStarted; }
  Traffic traffic() const override { return {status_, received_, sent_, broken_}; }
  Result<Hijacked> hijack(std::string_view head) override;
  CancelToken client_gone() override { return owner_.watch_peer(); }

 private:
  // A body that the handler left is read away up to here, so that the connection can live on.
  static constexpr uint64_t kDrainLimit = uint64_t{256} * 1024;

  enum class State { kNotStarted, kBody, kDone, kHijacked };
  enum class Framing { kNone, kLength, kChunked, kToClose };

  // What is sent at once behind some bytes.
  enum class Then { kNothing, kFile };

  // The request's body as the handler reads it.
  class Body : public Source {
   public:
    explicit Body(Exchange& exchange) : exchange_(exchange) {}
    Result<size_t> read(std::span<char> buffer) override;

   private:
    Exchange& exchange_;
  };

  Arrival receive(Source& source);
  Arrival refuse_later(const Error& error);
  Result<> make_request();
  void call(const Handler& handler);
  End refuse();
  End hand_to_http2();
  End finish_connection();
  void linger();
  Hijacked hand_over(std::string early_bytes);
  bool drain_body();
  bool body_wanted_but_not_asked() const;
  Result<> start(int status, Framing framing, uint64_t length, std::string_view body,
                 Then then = Then::kNothing);
  std::string head_text(int status, Framing framing, uint64_t length);
  Result<> put(std::string_view bytes, Then then = Then::kNothing);
  Result<> check(Result<> result);

  std::unique_ptr<Stream>& stream_;
  MessageReader& reader_;
  const ServerOptions& options_;
  const std::string& remote_;
  ConnectionOwner& owner_;
  Body body_{*this};
  Pace body_pace_;
  std::optional<Error> body_error_;  // why no more of it can be read

  Arrival arrival_ = Arrival::kNothing;
  MessageHead head_;  // without its fields, which are the request's
  Request call_;
  std::optional<Error> refusal_;
  bool called_ = false;            // the handler has returned
  bool may_wait_ = true;           // for the client to take bytes
  std::string unsent_;             // what it did not take while we could not wait
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
  // What traffic() tells.
  int status_ = 0;
  uint64_t received_ = 0;
  uint64_t sent_ = 0;
};

}  // namespace skiff::net
