#include "access/rights.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::access {

namespace {

std::string mark_key(MarkKind kind, const std::string& value) {
  return cat(mark_name(kind), " ", value);
}

bool is_over(TimePoint end, TimePoint now) { return end != TimePoint{} && end <= now; }

Result<RightsData> read_all(Store& store) {
  RightsData data;
  data.accounts = TRY(list_accounts(store, AccountKind::kUser));
  std::vector<Account> robots = TRY(list_accounts(store, AccountKind::kRobot));
  std::ranges::move(robots, std::back_inserter(data.accounts));
  data.teams = TRY(list_teams(store));
  data.grants = TRY(list_grants(store));
  data.closed = TRY(closed_nodes(store));
  data.tokens = TRY(list_tokens(store, std::nullopt));
  data.marks = TRY(list_marks(store));
  return data;
}

}  // namespace

Result<Rights> Rights::load(Store& store) {
  TRY(store.db().execute("BEGIN"));
  Result<RightsData> data = read_all(store);
  const Result<> ended = store.db().execute("ROLLBACK");  // nothing was written
  if (!data) return data.error();
  if (!ended) return ended.error();
  return Rights(std::move(*data));
}

Rights::Rights(RightsData data) : data_(std::move(data)) {
  for (const Account& account : data_.accounts) {
    accounts_.emplace(account.name, &account);
    accounts_by_id_.emplace(account.id, &account);
  }
  for (const Team& team : data_.teams) {
    for (const std::string& member : team.members) {
      if (const Account* account = this->account(member)) teams_of_[account->id].push_back(team.id);
    }
  }
  for (const Grant& grant : data_.grants) {
    nodes_[grant.node].given.push_back({grant.subject, grant.role, grant.expires});
    const bool is_one =
        grant.subject.kind == Subject::Kind::kAccount || grant.subject.kind == Subject::Kind::kTeam;
    granted_[{grant.subject.kind, is_one ? grant.subject.id : 0}].emplace_back(grant.node);
  }
  for (const std::string& node : data_.closed) nodes_[node].closed = true;
  for (const Token& token : data_.tokens) {
    tokens_.emplace(token.id, &token);
    tokens_by_secret_.emplace(token.secret_hash, &token);
  }
  for (const Mark& mark : data_.marks) {
    marked_.emplace(mark_key(mark.kind, mark.value), mark.account);
  }
}

const Account* Rights::account(const std::string& name) const {
  const auto found = accounts_.find(name);
  return found == accounts_.end() ? nullptr : found->second;
}

const Account* Rights::account(int64_t id) const {
  const auto found = accounts_by_id_.find(id);
  return found == accounts_by_id_.end() ? nullptr : found->second;
}

const Token* Rights::token(const std::string& id) const {
  const auto found = tokens_.find(id);
  return found == tokens_.end() ? nullptr : found->second;
}

const Token* Rights::token_of_secret(const std::string& secret) const {
  const auto found = tokens_by_secret_.find(secret_hash(secret));
  return found == tokens_by_secret_.end() ? nullptr : found->second;
}

const Account* Rights::marked(MarkKind kind, const std::string& value) const {
  const auto found = marked_.find(mark_key(kind, value));
  return found == marked_.end() ? nullptr : account(found->second);
}

const Account* Rights::account_of(const ShownCertificate& certificate) const {
  if (const Account* by_key = marked(MarkKind::kKey, certificate.key)) return by_key;
  const Account* by_name = nullptr;
  for (const std::string& name : certificate.names) {
    const Account* account = marked(MarkKind::kName, name);
    if (account == nullptr) continue;
    if (by_name != nullptr && by_name != account) return nullptr;
    by_name = account;
  }
  return by_name != nullptr ? by_name : marked(MarkKind::kSubject, certificate.subject);
}

bool Rights::concerns(const Subject& subject, int64_t account, bool reached) const {
  switch (subject.kind) {
    case Subject::Kind::kAccount:
      return account != 0 && subject.id == account;
    case Subject::Kind::kTeam: {
      const auto teams = teams_of_.find(account);
      return teams != teams_of_.end() && std::ranges::count(teams->second, subject.id) > 0;
    }
    case Subject::Kind::kEverybody:
      return reached;
    case Subject::Kind::kKnown:
      return reached && account != 0;
  }
  return false;
}

Role Rights::role_of(int64_t account, std::string_view node, TimePoint now) const {
  Role best = Role::kNone;
  bool reached = true;  // no closed node was passed on the way up
  for (std::optional<std::string_view> at = node; at; at = parent_node(*at)) {
    const auto found = nodes_.find(*at);
    if (found == nodes_.end()) continue;
    for (const Given& given : found->second.given) {
      if (given.role > best && !is_over(given.expires, now) &&
          concerns(given.subject, account, reached)) {
        best = given.role;
      }
    }
    if (found->second.closed) reached = false;
  }
  return best;
}

Role Rights::role_everywhere(int64_t account, TimePoint now) const {
  const auto server = nodes_.find(std::string_view());
  Role best = Role::kNone;
  if (server == nodes_.end()) return best;
  for (const Given& given : server->second.given) {
    if (!is_over(given.expires, now) && concerns(given.subject, account, false)) {
      best = std::max(best, given.role);
    }
  }
  return best;
}

std::vector<std::string_view> Rights::nodes_for(int64_t account) const {
  std::vector<std::string_view> out(data_.closed.begin(), data_.closed.end());
  const auto add = [&](Subject::Kind kind, int64_t id) {
    const auto found = granted_.find({kind, id});
    if (found != granted_.end()) out.insert(out.end(), found->second.begin(), found->second.end());
  };
  add(Subject::Kind::kEverybody, 0);
  if (account == 0) return out;
  add(Subject::Kind::kKnown, 0);
  add(Subject::Kind::kAccount, account);
  const auto teams = teams_of_.find(account);
  if (teams == teams_of_.end()) return out;
  for (const int64_t team : teams->second) add(Subject::Kind::kTeam, team);
  return out;
}

bool is_active(const Account& account, TimePoint now) {
  return !account.disabled && !is_over(account.expires, now);
}

bool is_active(const Token& token, TimePoint now) {
  return token.revoked == TimePoint{} && !is_over(token.expires, now);
}

Role limit_of(const Token& token, std::string_view repository, std::span<const std::string> tags,
              bool any_tag) {
  if (token.limits.empty()) return Role::kOwn;
  // For one tag the best of the limits that fit; for several the least of these.
  const auto best = [&](const std::string* tag) {
    Role role = Role::kNone;
    for (const TokenLimit& limit : token.limits) {
      const bool fits = matches_pattern(limit.repositories, repository) &&
                        (tag == nullptr || matches_pattern(limit.tags, *tag)) &&
                        (!any_tag || limit.tags == "*" || limit.tags == "**");
      if (fits) role = std::max(role, limit.role);
    }
    return role;
  };
  Role least = best(nullptr);
  for (const std::string& tag : tags) least = std::min(least, best(&tag));
  return least;
}

}  // namespace skiff::access
