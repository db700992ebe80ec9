// RegistryService: a registry with the HTTP server before it, as skiff-registry serves it alone
// and skiffd beside its API.
//
//   auto service = TRY(RegistryService::open(options));  // listens
//   TRY(service->run());                                 // serves until stop()
#pragma once

#include <memory>
#include <string>

#include "manage/control.h"
#include "manage/rest.h"
#include "net/http_server.h"
#include "registry/registry.h"
#include "upstream/options.h"

namespace skiff {

class RegistryService {
 public:
  struct Options {
    registry::RegistryOptions registry;
    upstream::Options upstream;  // other registries whose images it keeps
    std::string listen;          // HOST:PORT; port 0 takes a free one
    size_t max_connections = net::ServerOptions{}.max_connections;
    size_t max_connections_per_client = 0;  // 0: as many as it likes
    // How slowly a client may send a body or take an answer.
    net::PaceLimit pace{.stall = std::chrono::seconds(30), .least_rate = 1024};
    net::TlsFiles tls;        // no names: plain HTTP
    bool plain_http = false;  // also at addresses other than loopback
    // HOST:PORT for /metrics, /healthz and /readyz alone, by plain HTTP for everybody; "": /metrics
    // is at `listen`, for who asks from this machine.
    std::string metrics_listen;
    std::string configuration;  // for the REST API, without secrets
    // For errors: the flag of `listen`, and how those of the files begin.
    std::string listen_flag = "--listen";
    std::string flag_prefix = "--";
  };

  // Judges the address and reads the files: an error names the flag. Opens nothing. An address
  // other than loopback needs TLS, or the word that plain HTTP is meant.
  static Result<> check(const Options& options);
  // Warns in the log where strangers may do anything, or read what travels.
  static Result<std::unique_ptr<RegistryService>> open(const Options& options);

  // "127.0.0.1:5000", with the port that was found where 0 was asked for.
  const std::string& address() const { return address_; }
  // What to log: "https://127.0.0.1:5000, root /var/lib/skiff-registry".
  std::string description() const;
  registry::Registry& registry() { return *registry_; }
  Result<> run();
  // From now on /readyz says that it will not go on.
  void about_to_stop() { registry_->about_to_stop(); }
  void stop() { server_.stop(); }
  // The access log's name may be another file's now, and the TLS files others, which are followed
  // by themselves, too. What does not load is an error in the log.
  void reload();

 private:
  RegistryService(std::unique_ptr<manage::RestApi> api,
                  std::unique_ptr<registry::Registry> registry, const Options& options,
                  net::ServerOptions for_server, std::string address);

  std::unique_ptr<manage::RestApi> api_;
  std::unique_ptr<registry::Registry> registry_;
  std::string address_;
  Path root_;
  std::string database_;  // "" for the root's own
  bool is_tls_;
  net::HttpServer server_;
  std::unique_ptr<net::HttpServer> metrics_server_;
  std::unique_ptr<manage::ControlServer> control_;
};

}  // namespace skiff
