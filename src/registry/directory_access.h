// DirectoryAccess: an Authorizer over accounts, grants and tokens (access/directory.h).
//
// Credentials: a client's certificate that stands for an account (access/certificates.h), where no
// other are shown; Basic with an account's password or one of its tokens; Bearer with such a token,
// or with a short-lived one that it issues, which speaks for its account and reaches no further
// than its scopes. What the account may is asked anew with each request. A viewer without any is
// asked for them wherever they could help (401); one who may not see a repository is answered as if
// it did not exist (404); one who sees it and may not do that, 403.
#pragma once

#include "access/directory.h"
#include "registry/access.h"
#include "registry/audit_writer.h"

namespace skiff::registry {

class DirectoryAccess : public Authorizer {
 public:
  // `public_url`: how clients reach the registry, "https://registry.example"; "": as their requests
  // say.
  // `audit` is told who logged in and who failed to; nullptr for nobody.
  DirectoryAccess(std::unique_ptr<access::Directory> directory, std::string public_url,
                  AuditWriter* audit = nullptr)
      : directory_(std::move(directory)), public_url_(std::move(public_url)), audit_(audit) {}

  Result<Viewer> identify(const net::Request& request) override;
  bool knows(const std::string& authorization) override;
  Result<Decision> may(const Viewer& viewer, const Need& need) override;
  Result<access::VisibleNames> visible(const Viewer& viewer) override;
  Result<access::Role> role(const Viewer& viewer, const Need& need) override;
  std::string challenge(const net::Request& request, const Need& need, bool wrong) override;
  Result<std::optional<IssuedToken>> issue(const TokenRequest& request) override;
  Result<> save_uses() override { return directory_->save_uses(); }

 private:
  using Use = access::Directory::Use;
  Result<access::Identity> sign_in(const std::string& name, const std::string& secret,
                                   const std::string& address, Use use = Use::kAccess);
  Result<std::string> refresh_token(const access::Identity& who, const TokenRequest& request);
  Result<access::Identity> certified(const net::PeerCertificate* certificate,
                                     const std::string& address);
  Result<Viewer> viewer_of_token(const std::string& token, const std::string& address);
  Result<Decision> judge(const Viewer& viewer, const Need& need);

  std::unique_ptr<access::Directory> directory_;
  const std::string public_url_;
  AuditWriter* const audit_;
};

// Nobody is asked who comes until ROOT/access.db is there, and everybody from then on: the first
// account may be added while the registry serves.
std::unique_ptr<Authorizer> accounts_where_there_are_any(const Path& root, std::string public_url,
                                                         const Clock& clock,
                                                         AuditWriter* audit = nullptr);

}  // namespace skiff::registry
