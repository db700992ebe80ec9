#include "main/registry_service.h"

#include <fcntl.h>

#include "base/strings.h"

namespace skiff {

namespace {

Result<net::ServerOptions> server_options(const RegistryService::Options& o) {
  net::ServerOptions out{.server_name = "Skiff/" SKIFF_VERSION};
  out.max_connections = o.max_connections;
  const std::string& flag = o.tls_flag;
  if (o.tls.certificate.empty() != o.tls.key.empty()) {
    return Error(Code::kInvalidArgument, cat(flag, "cert and ", flag, "key go together"));
  }
  if (o.tls.certificate.empty() && !o.tls.client_ca.empty()) {
    return Error(Code::kInvalidArgument,
                 cat(flag, "client-ca needs ", flag, "cert and ", flag, "key"));
  }
  if (o.tls.certificate.empty()) return out;
  out.tls = o.tls;
  // Bad files are told before anything is opened, missing ones by the system's words.
  for (const Path& file : {o.tls.certificate, o.tls.key}) {
    TRY_CONTEXT(open_file(file, O_RDONLY), "certificate and key");
  }
  TRY(net::TlsContext::load(*out.tls));
  return out;
}

Result<std::string> address_of(const std::string& listen, int socket) {
  const auto parts = split_last(listen, ':');
  const std::string host(parts ? parts->first : "");
  return cat(host.empty() ? "0.0.0.0" : host, ":", TRY(net::local_port(socket)));
}

}  // namespace

RegistryService::RegistryService(std::unique_ptr<registry::Registry> registry,
                                 const Options& options, net::ServerOptions for_server,
                                 std::string address)
    : registry_(std::move(registry)),
      address_(std::move(address)),
      root_(options.registry.root),
      is_tls_(for_server.tls.has_value()),
      server_(registry_->handler(), std::move(for_server)) {}

Result<std::unique_ptr<RegistryService>> RegistryService::open(const Options& options) {
  net::ServerOptions for_server = TRY(server_options(options));
  UniqueFd socket = TRY(net::listen_tcp(options.listen));
  std::string address = TRY(address_of(options.listen, socket.get()));
  auto registry = TRY(registry::open_registry(options.registry));
  std::unique_ptr<RegistryService> service(
      new RegistryService(std::move(registry), options, std::move(for_server), std::move(address)));
  TRY(service->server_.listen(std::move(socket)));
  return service;
}

std::string RegistryService::description() const {
  return cat(is_tls_ ? "https://" : "http://", address_, ", root ", root_.native());
}

}  // namespace skiff
