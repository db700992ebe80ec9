// Directory: what a server knows of accounts while others change the database. Each question is
// answered by the database as it is now: who was disabled a moment ago is out with the next one.
// Thread-safe.
//
//   Identity ann = TRY(directory.sign_in("ann", secret, "192.0.2.7"));
//   Role role = directory.role_of(*TRY(directory.rights()), ann, "acme/web", {}, false);
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "access/guesses.h"
#include "access/jwt.h"
#include "access/passwords.h"
#include "access/rights.h"
#include "db/file_watch.h"

namespace skiff::access {

// Who it is, by what was shown.
struct Identity {
  int64_t account = 0;  // 0: nobody in particular
  std::string name;
  bool robot = false;
  std::string token;  // id of the token that was shown; "": a password
};

class Directory {
 public:
  // Wrong passwords are counted in a database beside the store's.
  static Result<std::unique_ptr<Directory>> open(Store store);

  Result<std::shared_ptr<const Rights>> rights();
  // `secret` is the account's password, or one of its tokens. kUnauthenticated where it is neither,
  // in the same words and time for all reasons; kUnavailable.
  // kResourceExhausted, with words for the client, where it guessed too often. `address`: of the
  // client,
  // "" for none.
  Result<Identity> sign_in(const std::string& name, const std::string& secret,
                           const std::string& address);
  // Whether that takes no password's hash: the password was right before and is still, or it is a
  // token.
  bool remembers(const std::string& name, const std::string& secret);
  // By the token alone. A refresh token is shown to get short-lived ones only.
  enum class Use { kAccess, kRefresh };
  Result<Identity> sign_in_by_token(const std::string& secret, Use use = Use::kAccess);
  // The secret of a new refresh token.
  Result<std::string> add_refresh_token(int64_t account, const std::string& label);

  // By a certificate that was verified; nullopt for nobody's, or of one who does not count.
  Result<std::optional<Identity>> sign_in_by_certificate(const ShownCertificate& certificate);
  // Writes down when tokens were used last, where that failed at the time.
  Result<> save_uses();

  // A short-lived token that says so, signed.
  Result<std::string> sign(const Claims& claims);
  // kUnauthenticated for one that is not ours, or over, or whose account counts no more.
  Result<Claims> verify(const std::string& token);

  TimePoint now() const { return store_.now(); }

 private:
  Directory(Store store, FileWatch files, std::unique_ptr<Guesses> guesses)
      : guesses_(std::move(guesses)),
        store_(std::move(store)),
        files_(std::move(files)),
        commits_(store_.db().commits()) {}
  Result<> refresh();      // under mutex_
  Result<> check_files();  // under mutex_
  Result<> read_keys();    // under mutex_
  void note_use(const std::string& id);
  Result<> write_uses();  // under mutex_

  PasswordChecker passwords_;
  std::unique_ptr<Guesses> guesses_;
  std::mutex mutex_;  // guards what follows
  Store store_;
  const FileWatch files_;  // of store_, where it is a file
  CommitWatch commits_;
  std::optional<CommitMark> mark_;  // since when version_ is known to be the newest
  int64_t version_ = -1;
  std::shared_ptr<const Rights> rights_;
  std::shared_ptr<const std::vector<SigningKey>> keys_;
  // Tokens that were right under these keys: a signature takes longer to check than a manifest to
  // find.
  std::unordered_map<std::string, Claims> verified_;
  std::map<std::string, TimePoint> noted_;  // when tokens were used, to an hour, by id
  std::map<std::string, TimePoint> uses_;   // of these what is not written down
  TimePoint checked_;                       // when the store's files were at their paths
};

// Whether the account and the token that it was shown are still good; nobody in particular counts.
bool counts(const Rights& rights, const Identity& who, TimePoint now);
// What somebody may in a repository, with all that limits it. kNone for an account or a token that
// does not count any more.
Role role_of(const Rights& rights, const Identity& who, std::string_view repository,
             std::span<const std::string> tags, bool any_tag, TimePoint now);
// The same in every repository there may be.
Role role_everywhere(const Rights& rights, const Identity& who, TimePoint now);

}  // namespace skiff::access
