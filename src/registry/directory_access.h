// DirectoryAccess: an Authorizer over accounts, grants and tokens (access/directory.h).
//
// Credentials: Basic with an account's password or one of its tokens; Bearer with a token.
// A viewer without any is asked for them wherever they could help (401); one who may not see a
// repository is answered as if it did not exist (404); one who sees it and may not do that, 403.
#pragma once

#include "access/directory.h"
#include "registry/access.h"

namespace skiff::registry {

class DirectoryAccess : public Authorizer {
 public:
  explicit DirectoryAccess(access::Store store) : directory_(std::move(store)) {}

  Result<Viewer> identify(const net::Request& request) override;
  Result<Decision> may(const Viewer& viewer, const Need& need) override;
  std::string challenge(const net::Request& request, const Need& need, bool wrong) override;

 private:
  access::Directory directory_;
};

// Nobody is asked who comes until ROOT/access.db is there, and everybody from then on: the first
// account may be added while the registry serves.
std::unique_ptr<Authorizer> accounts_where_there_are_any(const Path& root, const Clock& clock);

}  // namespace skiff::registry
