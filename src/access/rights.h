// Rights: all accounts, teams, grants and tokens as they were at one moment, in memory: who is
// there, and who may do what. Immutable; shared between threads.
//
//   auto rights = TRY(directory.rights());
//   const Account* ann = rights->account("ann");
//   if (rights->role_of(ann->id, "acme/web", now) >= Role::kPush) ...
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>

#include "access/accounts.h"
#include "access/certificates.h"
#include "access/grants.h"
#include "access/teams.h"
#include "access/tokens.h"

namespace skiff::access {

struct RightsData {
  std::vector<Account> accounts;
  std::vector<Team> teams;
  std::vector<Grant> grants;
  std::vector<std::string> closed;
  std::vector<Token> tokens;
  std::vector<Mark> marks;
};

class Rights {
 public:
  // As the database is now, all of one moment.
  static Result<Rights> load(Store& store);
  explicit Rights(RightsData data);
  Rights(Rights&&) = default;
  Rights(const Rights&) = delete;  // the tables point into the data

  // nullptr where there is none; disabled and expired ones are there.
  const Account* account(const std::string& name) const;
  const Account* account(int64_t id) const;
  const Token* token(const std::string& id) const;
  const Token* token_of_secret(const std::string& secret) const;

  // Whose a verified certificate is; nullptr for nobody's, and for two accounts'.
  const Account* account_of(const ShownCertificate& certificate) const;

  // The highest role of the account (0: nobody in particular) on that node.
  Role role_of(int64_t account, std::string_view node, TimePoint now) const;
  // The same on every node there may be: what is granted to it on the server itself.
  Role role_everywhere(int64_t account, TimePoint now) const;
  // The nodes where that may change on the way down; some more than once.
  std::vector<std::string_view> nodes_for(int64_t account) const;

 private:
  struct Given {
    Subject subject;
    Role role;
    TimePoint expires;
  };
  struct Node {
    std::vector<Given> given;
    bool closed = false;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  template <typename T>
  using ByText = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

  const Account* marked(MarkKind kind, const std::string& value) const;
  bool concerns(const Subject& subject, int64_t account, bool reached) const;

  RightsData data_;
  ByText<const Account*> accounts_;
  std::unordered_map<int64_t, const Account*> accounts_by_id_;
  std::unordered_map<int64_t, std::vector<int64_t>> teams_of_;  // by account
  ByText<Node> nodes_;
  std::map<std::pair<Subject::Kind, int64_t>, std::vector<std::string_view>> granted_;  // nodes
  ByText<const Token*> tokens_;
  ByText<const Token*> tokens_by_secret_;  // by its hash
  ByText<int64_t> marked_;                 // accounts, by "KIND VALUE"
};

// Whether an account or a token counts at that moment.
bool is_active(const Account& account, TimePoint now);
bool is_active(const Token& token, TimePoint now);

// The role that the token's limits leave in a repository, for all of `tags`. `any_tag`: more tags
// than those may be concerned.
Role limit_of(const Token& token, std::string_view repository, std::span<const std::string> tags,
              bool any_tag);

}  // namespace skiff::access
