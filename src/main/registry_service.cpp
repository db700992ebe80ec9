#include "main/registry_service.h"

#include <fcntl.h>

#include <filesystem>
#include <thread>

#include "access/store.h"
#include "base/log.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "db/root_database.h"
#include "net/url.h"
#include "registry/htpasswd.h"
#include "upstream/pull_through.h"

namespace skiff {

namespace {

Result<net::ServerOptions> server_options(const RegistryService::Options& o) {
  net::ServerOptions out{.server_name = "Skiff/" SKIFF_VERSION};
  out.max_connections = o.max_connections;
  out.max_connections_per_client = o.max_connections_per_client;
  out.pace = o.pace;
  const std::string flag = cat(o.flag_prefix, "tls-");
  if (o.tls.certificate.empty() != o.tls.key.empty()) {
    return Error(Code::kInvalidArgument, cat(flag, "cert and ", flag, "key go together"));
  }
  if (o.tls.certificate.empty() && !o.tls.client_ca.empty()) {
    return Error(Code::kInvalidArgument,
                 cat(flag, "client-ca needs ", flag, "cert and ", flag, "key"));
  }
  if (o.tls.certificate.empty()) return out;
  out.tls = o.tls;
  // Missing files are told by the system's words.
  for (const auto& [file, name] :
       {std::pair(o.tls.certificate, "cert"), {o.tls.key, "key"}, {o.tls.client_ca, "client-ca"}}) {
    if (!file.empty()) TRY_CONTEXT(open_file(file, O_RDONLY), cat(flag, name));
  }
  TRY_CONTEXT(net::TlsContext::load(*out.tls), cat(flag, "cert and ", flag, "key"));
  return out;
}

Result<std::string> address_of(const std::string& listen, int socket) {
  const auto parts = split_last(listen, ':');
  const std::string host(parts ? parts->first : "");
  return cat(host.empty() ? "0.0.0.0" : host, ":", TRY(net::local_port(socket)));
}

Result<> judge_address(std::string_view flag, const std::string& address) {
  const auto parts = split_last(address, ':');
  const auto port = parts ? parse_uint(parts->second) : std::nullopt;
  if (port && *port <= UINT16_MAX) return {};
  return Error(Code::kInvalidArgument,
               cat(flag, ": ", skiff::quoted(address), " is not of the form HOST:PORT"));
}

// Few at once: who asks it is a scraper or a load balancer.
Result<std::unique_ptr<net::HttpServer>> open_metrics(const RegistryService::Options& o,
                                                      registry::Registry& registry) {
  if (o.metrics_listen.empty()) return nullptr;
  auto server = std::make_unique<net::HttpServer>(
      registry.vitals(), net::ServerOptions{.max_connections = 32, .pace = o.pace});
  UniqueFd socket =
      TRY_CONTEXT(net::listen_tcp(o.metrics_listen), cat(o.flag_prefix, "metrics-listen"));
  const std::string address = TRY(address_of(o.metrics_listen, socket.get()));
  TRY(server->listen(std::move(socket)));
  log_info(cat("metrics at http://", address, "/metrics"));
  return server;
}

Result<> judge_reach(const RegistryService::Options& o) {
  if (!o.tls.certificate.empty() || o.plain_http || net::is_loopback(o.listen)) return {};
  return Error(
      Code::kInvalidArgument,
      cat(o.listen_flag, " ", o.listen,
          ": others than this machine would send images and passwords readable on the way: give ",
          o.flag_prefix, "tls-cert and ", o.flag_prefix, "tls-key, or ", o.flag_prefix,
          "plain-http where that is meant"));
}

void warn_of_strangers(const RegistryService::Options& o, const std::string& address) {
  if (o.tls.certificate.empty() && !net::is_loopback(o.listen)) {
    log_warn(
        cat("images and passwords travel readable to and from ", address, ": there is no TLS"));
  }
  const auto accounts = access::Store::open(o.registry.root, Clock::system());
  const bool asks = o.registry.access || !o.registry.htpasswd.empty() ||
                    (!o.tls.client_ca.empty() && !o.tls.client_optional) || !accounts || *accounts;
  if (asks) return;
  log_warn(cat("anybody who reaches ", address,
               " may push, pull and delete: add users with 'skiff-registry user add --root ",
               o.registry.root.native(), "', or give ", o.flag_prefix, "htpasswd"));
}

}  // namespace

RegistryService::RegistryService(std::unique_ptr<manage::RestApi> api,
                                 std::unique_ptr<registry::Registry> registry,
                                 const Options& options, net::ServerOptions for_server,
                                 std::string address)
    : api_(std::move(api)),
      registry_(std::move(registry)),
      address_(std::move(address)),
      root_(options.registry.root),
      is_tls_(for_server.tls.has_value()),
      server_(registry_->handler(), std::move(for_server)) {}

Result<> RegistryService::check(const Options& options) {
  TRY(judge_address(options.listen_flag, options.listen));
  if (!options.metrics_listen.empty()) {
    TRY(judge_address(cat(options.flag_prefix, "metrics-listen"), options.metrics_listen));
  }
  if (const Path& users = options.registry.htpasswd; !users.empty()) {
    TRY_CONTEXT(registry::Htpasswd::open(users), cat(options.flag_prefix, "htpasswd"));
  }
  TRY(upstream::check(options.upstream));
  TRY(server_options(options));
  return judge_reach(options);
}

Result<std::unique_ptr<RegistryService>> RegistryService::open(const Options& options) {
  net::ServerOptions for_server = TRY(server_options(options));
  UniqueFd socket = TRY(net::listen_tcp(options.listen));
  std::string address = TRY(address_of(options.listen, socket.get()));
  auto api = std::make_unique<manage::RestApi>(options.registry.root, Clock::system());
  registry::RegistryOptions for_registry = options.registry;
  for_registry.metrics_here = options.metrics_listen.empty();
  upstream::Options upstream = options.upstream;
  upstream.spool = options.registry.root;
  upstream.run_mirrors = true;
  for_registry.upstreams = upstream::pull_through(std::move(upstream));
  for_registry.extensions.push_back(api->extension());
  api->show_configuration(options.configuration);
  auto registry = TRY(registry::open_registry(for_registry));
  api->serve(*registry);
  // What asks another process is not quick.
  if (!TRY(database_of(options.registry.root))) {
    for_server.quick = [registry = registry.get(),
                        upstream = options.upstream](const net::Request& request) {
      return registry->is_quick(request) && !upstream::concerns(upstream, request);
    };
  }
  for_server.on_refused = [registry = registry.get()](int status, const std::string& remote) {
    registry->refused(status, remote);
  };
  std::unique_ptr<RegistryService> service(new RegistryService(
      std::move(api), std::move(registry), options, std::move(for_server), std::move(address)));
  if (const auto server = TRY(database_server_of(options.registry.root))) {
    service->database_ = server->description();
  }
  warn_of_strangers(options, service->address_);
  service->metrics_server_ = TRY(open_metrics(options, *service->registry_));
  service->control_ = TRY(manage::ControlServer::start(*service->registry_, service->root_));
  TRY(service->server_.listen(std::move(socket)));
  return service;
}

void RegistryService::reload() {
  registry_->reopen_log();
  if (auto loaded = server_.reload_certificate(); !loaded) {
    log_error(cat("the certificate in use stays: ", loaded.error().message()));
  }
}

Result<> RegistryService::run() {
  std::jthread metrics;
  if (metrics_server_) {
    metrics = std::jthread([this] {
      const Result<> served = metrics_server_->run();
      if (!served) log_error(cat("metrics: ", served.error().message()));
    });
  }
  // It answers as long as there is something to tell of.
  const ScopeExit last([this] {
    if (metrics_server_) metrics_server_->stop();
  });
  return server_.run();
}

std::string RegistryService::description() const {
  return cat(is_tls_ ? "https://" : "http://", address_, ", root ", root_.native(),
             database_.empty() ? "" : ", tables on ", database_);
}

}  // namespace skiff
