// HttpServer: HTTP/1.1 on any listening socket; one thread for each connection that is
// at work, idle keep-alive connections parked in epoll.
//
//   HttpServer server(handler, options);
//   TRY(server.listen(TRY(listen_unix(path))));       // any number of listeners
//   TRY(server.run());                                // until stop()
//
// With ServerOptions::quick heads are read by the server's own thread, which answers the requests
// that it names itself: no thread is woken for them, none waits for the rest of a head.
//
// A handler answers each request through the ResponseWriter, in one of four ways:
//   w.send(200, "application/json", body)                     a whole body
//   w.send_file(200, fd, offset, size)                        from a file, by sendfile
//   w.begin(200); w.write(...); w.flush...; w.finish()        chunked, as it comes
//   auto c = w.hijack("HTTP/1.1 101 UPGRADED\r\n...\r\n")     the connection itself
// Requests that break the grammar are answered 400 before a handler sees them; header
// size is limited to 64 KiB and bodies are streamed, never buffered whole.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/cancellation.h"
#include "net/http.h"
#include "net/stream.h"
#include "net/tls.h"

namespace skiff::net {

struct Request {
  std::string method;
  std::string target;  // as sent, with query
  std::string path;    // decoded, without query
  Query query;
  Headers headers;
  std::optional<uint64_t> content_length;  // nullopt when chunked; 0 when there is no body
  std::string remote;                      // "127.0.0.1:3456", "" for a Unix socket
  bool tls = false;
  // What the client proved to be, where client certificates are asked for; else nullptr. Lives as
  // long as the connection.
  const PeerCertificate* certificate = nullptr;
  // The body; reading it sends "100 Continue" where it was asked for. What a handler
  // leaves unread is drained (up to a limit) or the connection is closed.
  Source* body = nullptr;
};

// What has passed of a request and its answer so far, bodies alone.
struct Traffic {
  int status = 0;  // 0 while nothing was answered
  uint64_t received = 0;
  uint64_t sent = 0;    // also what the system has taken, and not yet the client
  bool broken = false;  // the answer could not be sent whole
};

struct Hijacked {
  std::unique_ptr<Stream> stream;
  std::string early_bytes;  // already read from the socket; they come first
};

class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;

  // Header fields of the answer to come.
  virtual Headers& headers() = 0;
  // A whole answer. For HEAD the body is counted but not sent; 204 and 304 have none.
  virtual Result<> send(int status, std::string_view content_type, std::string_view body) = 0;
  virtual Result<> send_file(int status, int file, uint64_t offset, uint64_t size) = 0;
  // An answer of unknown length: begin sends the header at once, each write one chunk.
  virtual Result<> begin(int status) = 0;
  virtual Result<> write(std::string_view chunk) = 0;
  virtual Result<> finish() = 0;
  // True once anything was sent.
  virtual bool started() const = 0;
  virtual Traffic traffic() const = 0;
  // Sends `head` verbatim (status line, fields, blank line; "" sends nothing) and hands the
  // connection over. The handler owns it; the server forgets it.
  virtual Result<Hijacked> hijack(std::string_view head) = 0;
  // Cancelled when the client closes its end, or the server stops; after hijack() only by the
  // latter. Works without reading: bytes that the client sends ahead stay where they are.
  virtual CancelToken client_gone() = 0;
};

using Handler = std::function<void(Request&, ResponseWriter&)>;

struct ServerOptions {
  std::string server_name;      // for the Server header; "" sends none
  std::optional<TlsFiles> tls;  // loaded again when they change
  std::chrono::milliseconds idle_timeout{120'000};
  // At the limit an idle connection makes room; where none is, new ones wait in the backlog.
  size_t max_connections = 1024;
  // From a request's first byte to the end of its head, and from the first of a TLS handshake to
  // its end.
  std::chrono::milliseconds header_timeout{30'000};
  // Of requests' bodies and of answers. None by default: the API of an engine has requests that
  // live for days. A client whose body is too slow is answered 408 where its handler says
  // nothing; one that does not take its answer loses the connection.
  PaceLimit pace;
  // From one address (of IPv6, from one /64); 0: as many as it likes. At the limit an idle
  // connection of the same address makes room; where none is, the new one is closed.
  size_t max_connections_per_client = 0;
  // Names requests that the handler answers in microseconds, without waiting for a disk, a lock or
  // the client: by send() or begin(), not from a file, not by hijack(). Only those without a body
  // are asked about. While one is answered all others wait.
  std::function<bool(const Request&)> quick;
  // Told of each request that is answered before a handler sees it, with the status and, as in
  // Request, from where it came. By any of the server's threads.
  std::function<void(int status, const std::string& remote)> on_refused;
  // Takes connections that open with the HTTP/2 preface ("PRI * HTTP/2.0"), which stands in
  // early_bytes; they are refused where it is not set.
  std::function<void(Hijacked)> on_http2;
};

class HttpServer {
 public:
  HttpServer(Handler handler, ServerOptions options);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  Result<> listen(UniqueFd listening_socket);
  // Serves until stop(); then cancels client_gone(), waits for handlers at work, and after a
  // grace of five seconds closes their connections under them (not the hijacked ones).
  Result<> run();
  // Safe from any thread and from a signal handler's self-pipe reader.
  void stop();
  // Certificate and key from their files again, for connections from now on; where that fails
  // those in use stay. Files that change are loaded so by themselves. Safe from any thread.
  Result<> reload_certificate();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skiff::net
