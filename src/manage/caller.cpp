#include "manage/caller.h"

#include <algorithm>

namespace skiff::manage {

namespace {

using registry::Viewer;

bool is_whole(const Viewer& viewer, const access::Identity& who, const access::Rights& rights,
              TimePoint now) {
  if (viewer.account == 0 || viewer.scopes || !access::counts(rights, who, now)) return false;
  const access::Token* const token = who.token.empty() ? nullptr : rights.token(who.token);
  return token == nullptr || (token->limits.empty() && !token->refresh);
}

}  // namespace

Caller::Caller(const Viewer& viewer, bool may_all, std::optional<access::Rights> rights,
               TimePoint now)
    : who_{viewer.account, viewer.name, viewer.kind == Viewer::Kind::kRobot, viewer.token},
      rights_(std::move(rights)),
      now_(now),
      known_(viewer.kind != Viewer::Kind::kAnonymous),
      whole_(rights_ && is_whole(viewer, who_, *rights_, now)),
      owns_server_(may_all) {
  if (rights_ && viewer.account != 0) {
    owns_server_ =
        may_all && whole_ && access::role_everywhere(*rights_, who_, now) >= access::Role::kOwn;
  }
}

bool Caller::owns(std::string_view node) const {
  if (owns_server_) return true;
  if (!whole_ || node.empty()) return false;
  return access::role_of(*rights_, who_, node, {}, false, now_) >= access::Role::kOwn;
}

bool Caller::owns_anything() const {
  if (owns_server_) return true;
  return whole_ && std::ranges::any_of(rights_->nodes_for(who_.account),
                                       [&](std::string_view node) { return owns(node); });
}

bool Caller::has_token(const std::string& id) const {
  const access::Token* const token = whole_ ? rights_->token(id) : nullptr;
  return token != nullptr && token->account == who_.account;
}

}  // namespace skiff::manage
