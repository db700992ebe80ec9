#include "registry/access.h"

#include "base/strings.h"
#include "registry/credentials.h"

namespace skiff::registry {

namespace {

class OpenAccess : public Authorizer {
 public:
  Result<Viewer> identify(const net::Request& request) override {
    return Viewer{.address = client_address(request)};
  }
  Result<Decision> may(const Viewer& /*viewer*/, const Need& /*need*/) override {
    return Decision::kYes;
  }
  std::string challenge(const net::Request& /*request*/, const Need& /*need*/,
                        bool /*wrong*/) override {
    return {};
  }
};

}  // namespace

std::unique_ptr<Authorizer> open_access() { return std::make_unique<OpenAccess>(); }

bool Authorizer::knows(const std::string& authorization) {
  return !std::holds_alternative<BasicCredentials>(parse_credentials(authorization));
}

std::string client_address(const net::Request& request) {
  const auto parts = split_last(request.remote, ':');
  return std::string(parts ? parts->first : std::string_view(request.remote));
}

}  // namespace skiff::registry
