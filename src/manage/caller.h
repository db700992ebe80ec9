// Caller: who asks something of the REST API, and what of the registry is theirs to look after.
//
//   if (!caller.owns("acme/web")) return forbidden(call, "acme/web");
//
// Nothing by default. Who owns a place owns all below it, and nothing beside it. A token with
// limits and one of the token server speak for repositories, and own nothing here.
#pragma once

#include <optional>
#include <string_view>

#include "access/directory.h"
#include "registry/access.h"

namespace skiff::manage {

class Caller {
 public:
  // `may_all`: whether the viewer may delete anything, which is all there is to ask where there are
  // no accounts or they are not the registry's.
  Caller(const registry::Viewer& viewer, bool may_all, std::optional<access::Rights> rights,
         TimePoint now);

  bool is_known() const { return known_; }
  bool owns_server() const { return owns_server_; }
  bool owns(std::string_view node) const;
  bool owns_anything() const;

  // Of an account of the registry's. Neither for a token with limits.
  bool is(std::string_view account) const { return whole_ && who_.name == account; }
  bool has_token(const std::string& id) const;

 private:
  access::Identity who_;
  std::optional<access::Rights> rights_;
  TimePoint now_;
  bool known_;
  bool whole_;  // it is an account, with all that it may
  bool owns_server_;
};

}  // namespace skiff::manage
