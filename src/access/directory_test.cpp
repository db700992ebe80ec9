// A server's directory while commands change the database: two connections, as two processes have.
#include "access/directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/newcomers.h"
#include "base/strings.h"
#include "db/test_postgres.h"

namespace skiff::access {
namespace {

using Kind = Subject::Kind;

class AccessDirectory : public testing::Test {
 protected:
  // As `skiff-registry user add` does.
  int64_t add_user(const std::string& name, const std::string& password) {
    return add_account(commands_, {.name = name, .password = *hash_password(password)})->id;
  }
  Identity sign_in(const std::string& name, const std::string& secret) {
    auto who = directory_->sign_in(name, secret, "192.0.2.7");
    EXPECT_TRUE(who) << who.error().message();
    return who.value_or(Identity{});
  }
  Code refusal(const std::string& name, const std::string& secret) {
    auto who = directory_->sign_in(name, secret, "192.0.2.7");
    return who ? Code::kUnknown : who.error().code();
  }
  Role role(const Identity& who, const std::string& repository,
            std::vector<std::string> tags = {}) {
    return role_of(**directory_->rights(), who, repository, tags, false, clock_.now());
  }

  static TempDir make_root() {
    TempDir dir = *TempDir::make("/tmp", "skiff-access-");
    PostgresForTests::place_tables_of(dir.path());
    return dir;
  }

  TempDir dir_ = make_root();
  ManualClock clock_{TimePoint(std::chrono::hours(24))};
  Store commands_ = *Store::open_or_create(dir_.path(), clock_);
  std::unique_ptr<Directory> directory_ =
      *Directory::open(std::move(**Store::open(dir_.path(), clock_)));
};

TEST_F(AccessDirectory, TheFileIsItsOwnersAlone) {
  const Path file = dir_.path() / kDatabaseName;
  struct stat status{};
  for (const char* suffix : {"", "-wal", "-shm"}) {
    ASSERT_EQ(::stat((file.native() + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << suffix;
  }
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  ASSERT_TRUE(*Store::open(dir_.path(), clock_));
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(AccessDirectory, WhatRootMakesIsTheServers) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  TempDir other = *TempDir::make("/tmp", "skiff-access-");
  ASSERT_EQ(::chown(other.path().c_str(), 1234, 1235), 0);
  Store store = *Store::open_or_create(other.path(), clock_);
  ASSERT_TRUE(add_team(store, {"acme", "devs"}));
  struct stat status{};
  for (const char* suffix : {"", "-wal", "-shm"}) {
    ASSERT_EQ(::stat(((other.path() / kDatabaseName).native() + suffix).c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, 1234U) << suffix;
    EXPECT_EQ(status.st_gid, 1235U) << suffix;
  }
}

TEST_F(AccessDirectory, LookingMakesNoDatabase) {
  TempDir other = *TempDir::make("/tmp", "skiff-access-");
  EXPECT_FALSE(*Store::open(other.path(), clock_));
  EXPECT_TRUE(std::filesystem::is_empty(other.path()));
}

TEST_F(AccessDirectory, UsersSignInWithTheirPassword) {
  const int64_t id = add_user("ann", "secret-1");
  const Identity ann = sign_in("ann", "secret-1");
  EXPECT_EQ(ann.account, id);
  EXPECT_EQ(ann.name, "ann");
  EXPECT_FALSE(ann.robot);
  EXPECT_EQ(sign_in("ann", "secret-1").account, id);  // remembered
  for (const char* wrong : {"", "Secret-1", "secret-1 ", "secret-11"}) {
    EXPECT_EQ(refusal("ann", wrong), Code::kUnauthenticated) << wrong;
  }
  EXPECT_EQ(refusal("bob", "secret-1"), Code::kUnauthenticated);
}

TEST_F(AccessDirectory, AChangeCountsWithTheNextQuestion) {
  add_user("ann", "secret-1");
  const Identity ann = sign_in("ann", "secret-1");
  ASSERT_TRUE(set_password(commands_, "ann", *hash_password("other-one")));
  EXPECT_EQ(refusal("ann", "secret-1"), Code::kUnauthenticated);
  sign_in("ann", "other-one");

  EXPECT_EQ(role(ann, "acme/web"), Role::kNone);
  ASSERT_TRUE(set_grant(commands_, "acme", {Kind::kAccount, ann.account}, Role::kPush));
  EXPECT_EQ(role(ann, "acme/web"), Role::kPush);
  ASSERT_TRUE(set_disabled(commands_, "ann", true));
  EXPECT_EQ(role(ann, "acme/web"), Role::kNone);
  EXPECT_EQ(refusal("ann", "other-one"), Code::kUnauthenticated);
  ASSERT_TRUE(set_disabled(commands_, "ann", false));
  EXPECT_EQ(role(ann, "acme/web"), Role::kPush);

  ASSERT_TRUE(remove_account(commands_, "ann", AccountKind::kUser));
  EXPECT_EQ(role(ann, "acme/web"), Role::kNone);
  EXPECT_TRUE(list_grants(commands_)->empty());
  // Whoever comes after has another id.
  EXPECT_NE(add_user("ann", "secret-1"), ann.account);
  EXPECT_EQ(role(ann, "acme/web"), Role::kNone);
}

TEST_F(AccessDirectory, WhoGuessesWaitsAndWhoIsInStaysIn) {
  add_user("ann", "secret-1");
  sign_in("ann", "secret-1");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(refusal("ann", "wrong"), Code::kUnauthenticated);
  EXPECT_EQ(refusal("ann", "wrong"), Code::kResourceExhausted);
  EXPECT_EQ(refusal("bob", "wrong"), Code::kResourceExhausted);
  sign_in("ann", "secret-1");  // was right before
  const MadeToken token = *add_token(commands_, {.account = sign_in("ann", "secret-1").account});
  sign_in("ann", token.secret);
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(refusal("ann", "wrong"), Code::kUnauthenticated);
}

TEST_F(AccessDirectory, AccountsAndGrantsEnd) {
  const TimePoint soon = clock_.now() + std::chrono::hours(1);
  auto bob = add_account(commands_,
                         {.name = "bob", .password = *hash_password("password"), .expires = soon});
  const Identity who = sign_in("bob", "password");
  ASSERT_TRUE(set_grant(commands_, "a", {Kind::kAccount, bob->id}, Role::kPull));
  ASSERT_TRUE(set_grant(commands_, "", {Kind::kEverybody}, Role::kPull, soon));
  EXPECT_EQ(role({}, "a/b"), Role::kPull);
  EXPECT_EQ(role(who, "a/b"), Role::kPull);
  clock_.advance(std::chrono::hours(1));
  EXPECT_EQ(role({}, "a/b"), Role::kNone);
  EXPECT_EQ(role(who, "a/b"), Role::kNone);
  EXPECT_EQ(refusal("bob", "x"), Code::kUnauthenticated);
}

TEST_F(AccessDirectory, TeamsShareWhatTheyWereGranted) {
  add_user("ann", "secret-1");
  const Identity ann = sign_in("ann", "secret-1");
  const TeamName devs{"acme", "devs"};
  ASSERT_TRUE(add_team(commands_, devs));
  EXPECT_EQ(add_team(commands_, devs).error().code(), Code::kAlreadyExists);
  ASSERT_TRUE(add_member(commands_, devs, "ann"));
  ASSERT_TRUE(add_member(commands_, devs, "ann"));
  ASSERT_TRUE(
      set_grant(commands_, "acme", *subject_named(commands_, "team:acme/devs"), Role::kPush));
  EXPECT_EQ(role(ann, "acme/web"), Role::kPush);
  ASSERT_TRUE(remove_member(commands_, devs, "ann"));
  EXPECT_EQ(role(ann, "acme/web"), Role::kNone);
  ASSERT_TRUE(add_member(commands_, devs, "ann"));
  ASSERT_TRUE(remove_team(commands_, devs));
  EXPECT_EQ(role(ann, "acme/web"), Role::kNone);
  EXPECT_TRUE(list_grants(commands_)->empty());
  EXPECT_EQ(add_member(commands_, devs, "ann").error().code(), Code::kNotFound);
}

TEST_F(AccessDirectory, TokensSpeakForTheirAccountAndLess) {
  const int64_t id = add_user("ann", "secret-1");
  ASSERT_TRUE(set_grant(commands_, "acme", {Kind::kAccount, id}, Role::kMaintain));
  const MadeToken token = *add_token(
      commands_, {.account = id, .label = "ci", .limits = {{"acme/web", "v*", Role::kPush}}});
  EXPECT_TRUE(token.secret.starts_with(kSecretPrefix));
  EXPECT_EQ(token.secret.size(), kSecretPrefix.size() + 43);
  const Identity who = sign_in("ann", token.secret);
  EXPECT_EQ(who.token, token.id);
  EXPECT_EQ(directory_->sign_in_by_token(token.secret)->account, id);
  EXPECT_EQ(refusal("bob", token.secret), Code::kUnauthenticated);
  EXPECT_EQ(role(who, "acme/web", {"v1"}), Role::kPush);
  EXPECT_EQ(role(who, "acme/web", {"latest"}), Role::kNone);
  EXPECT_EQ(role(who, "acme/db"), Role::kNone);
  // Not more than the account may now.
  ASSERT_TRUE(set_grant(commands_, "acme", {Kind::kAccount, id}, Role::kPull));
  EXPECT_EQ(role(who, "acme/web", {"v1"}), Role::kPull);
  // The secret itself is nowhere.
  const Token stored = list_tokens(commands_, "ann")->front();
  EXPECT_EQ(stored.secret_hash, secret_hash(token.secret));
  ASSERT_TRUE(revoke_token(commands_, token.id));
  EXPECT_EQ(refusal("ann", token.secret), Code::kUnauthenticated);
  EXPECT_EQ(role(who, "acme/web"), Role::kNone);
  EXPECT_EQ(revoke_token(commands_, "none").error().code(), Code::kNotFound);
}

TEST_F(AccessDirectory, TokensEnd) {
  const Account robot = *add_account(commands_, {.name = "acme+ci", .kind = AccountKind::kRobot});
  const MadeToken token = *add_token(
      commands_,
      {.account = robot.id, .label = "", .expires = clock_.now() + std::chrono::hours(1)});
  EXPECT_TRUE(sign_in("acme+ci", token.secret).robot);
  clock_.advance(std::chrono::hours(2));
  EXPECT_EQ(refusal("acme+ci", token.secret), Code::kUnauthenticated);
  EXPECT_EQ(refusal("acme+ci", ""), Code::kUnauthenticated);  // robots have no password
}

TEST_F(AccessDirectory, ShortLivedTokensEndWithTheirAccount) {
  const int64_t id = add_user("ann", "secret-1");
  Claims claims{.subject = "ann", .account = id, .issued = clock_.now()};
  claims.expires = clock_.now() + std::chrono::minutes(5);
  const std::string token = *directory_->sign(claims);
  EXPECT_EQ(directory_->verify(token)->account, id);
  EXPECT_EQ(directory_->verify(token)->account, id);  // remembered
  ASSERT_TRUE(set_disabled(commands_, "ann", true));
  EXPECT_FALSE(directory_->verify(token));
  ASSERT_TRUE(set_disabled(commands_, "ann", false));
  EXPECT_TRUE(directory_->verify(token));
  clock_.advance(std::chrono::minutes(5));
  EXPECT_FALSE(directory_->verify(token));
}

TEST_F(AccessDirectory, KeysTakeTurns) {
  const auto sign = [&] {
    return *directory_->sign(
        {.issued = clock_.now(), .expires = clock_.now() + std::chrono::hours(2)});
  };
  const std::string first = sign();
  ASSERT_EQ(signing_keys(commands_)->size(), 1U);
  clock_.advance(std::chrono::hours(30 * 24) - std::chrono::hours(1));
  const std::string second = sign();
  EXPECT_EQ(signing_keys(commands_)->size(), 1U);
  clock_.advance(std::chrono::hours(1));
  const std::string third = sign();
  EXPECT_EQ(signing_keys(commands_)->size(), 2U);
  // The old key signs no more, and still checks.
  EXPECT_TRUE(directory_->verify(second));
  EXPECT_TRUE(directory_->verify(third));
  clock_.advance(std::chrono::hours(30 * 24));
  sign();
  EXPECT_EQ(signing_keys(commands_)->size(), 2U);  // the first is gone
  const std::string last = sign();
  ASSERT_TRUE(drop_signing_keys(commands_));
  EXPECT_FALSE(directory_->verify(last));
  EXPECT_TRUE(directory_->verify(sign()));
}

TEST_F(AccessDirectory, AKeyThatWasRotatedStillChecks) {
  const auto sign = [&] {
    return *directory_->sign(
        {.issued = clock_.now(), .expires = clock_.now() + std::chrono::minutes(5)});
  };
  const std::string before = sign();
  const std::string old = signing_keys(commands_)->front().id;
  ASSERT_TRUE(rotate_signing_keys(commands_));
  const auto keys = *signing_keys(commands_);
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_NE(keys.front().id, old);
  EXPECT_TRUE(directory_->verify(before));
  const Claims after = *verify_jwt(sign(), std::span(keys).first(1), clock_.now());
  EXPECT_EQ(after.issued, clock_.now());
  clock_.advance(std::chrono::hours(25));
  sign();
  ASSERT_TRUE(current_signing_key(commands_));
  ASSERT_TRUE(rotate_signing_keys(commands_));  // the first is long over
  ASSERT_TRUE(current_signing_key(commands_));
  for (const SigningKey& key : *signing_keys(commands_)) EXPECT_NE(key.id, old);
}

TEST_F(AccessDirectory, WhenTokensWereUsedIsKnownToAnHour) {
  const int64_t id = add_user("ann", "secret-1");
  const MadeToken token = *add_token(commands_, {.account = id, .label = "ci"});
  const auto used = [&] { return list_tokens(commands_, "ann")->front().used; };
  EXPECT_EQ(used(), TimePoint{});
  const TimePoint first = clock_.now();
  sign_in("ann", token.secret);
  EXPECT_EQ(used(), first);  // at once: "never" would be wrong
  clock_.advance(std::chrono::minutes(30));
  sign_in("ann", token.secret);
  ASSERT_TRUE(directory_->save_uses());
  EXPECT_EQ(used(), first);
  clock_.advance(std::chrono::hours(1));
  Claims claims{.subject = "ann", .account = id, .token = token.id, .issued = clock_.now()};
  claims.expires = clock_.now() + std::chrono::minutes(5);
  ASSERT_TRUE(directory_->verify(*directory_->sign(claims)));  // what it got, too
  EXPECT_EQ(used(), clock_.now());
}

TEST_F(AccessDirectory, TokensThatAreLongOverAreForgotten) {
  const int64_t id = add_user("ann", "secret-1");
  const MadeToken revoked = *add_token(commands_, {.account = id, .label = "revoked"});
  ASSERT_TRUE(revoke_token(commands_, revoked.id));
  ASSERT_TRUE(add_token(commands_, {.account = id,
                                    .label = "expired",
                                    .limits = {{"a", "*", Role::kPull}},
                                    .expires = clock_.now() + std::chrono::hours(1)}));
  ASSERT_TRUE(add_token(commands_, {.account = id, .label = "for ever"}));
  clock_.advance(std::chrono::hours(89 * 24));
  ASSERT_TRUE(add_token(commands_, {.account = id, .label = "new"}));
  EXPECT_EQ(list_tokens(commands_, "ann")->size(), 4U);
  clock_.advance(std::chrono::hours(2 * 24));
  ASSERT_TRUE(add_token(commands_, {.account = id, .label = "newer"}));
  EXPECT_EQ(list_tokens(commands_, "ann")->size(), 3U);
}

TEST_F(AccessDirectory, ACertificateStandsForAnAccount) {
  const int64_t ann = add_user("ann", "secret-1");
  const int64_t bob = add_user("bob", "secret-1");
  const std::string key(64, 'a');
  ASSERT_TRUE(add_mark(commands_, "ann", MarkKind::kKey, key));
  ASSERT_TRUE(add_mark(commands_, "bob", MarkKind::kName, "DNS:bob.example"));
  ASSERT_TRUE(add_mark(commands_, "ann", MarkKind::kName, "email:ann@example"));
  ASSERT_TRUE(add_mark(commands_, "bob", MarkKind::kSubject, "CN=bob"));
  const auto whose = [&](const ShownCertificate& shown) {
    const auto who = directory_->sign_in_by_certificate(shown);
    return who && *who ? (*who)->account : 0;
  };
  EXPECT_EQ(whose({"CN=x", key, {}}), ann);
  EXPECT_EQ(whose({"CN=bob", key, {"DNS:bob.example"}}), ann);  // the key counts before names
  EXPECT_EQ(whose({"CN=x", "", {"DNS:other", "DNS:bob.example"}}), bob);
  EXPECT_EQ(whose({"CN=bob", "", {}}), bob);
  EXPECT_EQ(whose({"CN=bob,O=Example", "", {}}), 0);
  EXPECT_EQ(whose({"CN=x", "", {"DNS:bob.example", "email:ann@example"}}), 0);  // of two
  EXPECT_EQ(whose({"", "", {}}), 0);
  ASSERT_TRUE(set_disabled(commands_, "bob", true));
  EXPECT_EQ(whose({"CN=bob", "", {}}), 0);
  ASSERT_TRUE(remove_mark(commands_, MarkKind::kKey, key));
  EXPECT_EQ(whose({"CN=x", key, {}}), 0);
  ASSERT_TRUE(remove_account(commands_, "bob", AccountKind::kUser));
  EXPECT_EQ(list_marks(commands_)->size(), 1U);
}

TEST_F(AccessDirectory, MarksOfCertificatesAreJudged) {
  add_user("ann", "secret-1");
  add_user("bob", "secret-1");
  ASSERT_TRUE(add_mark(commands_, "ann", MarkKind::kSubject, "CN=x"));
  EXPECT_EQ(add_mark(commands_, "bob", MarkKind::kSubject, "CN=x").error().code(),
            Code::kAlreadyExists);
  EXPECT_EQ(add_mark(commands_, "eve", MarkKind::kSubject, "CN=y").error().code(), Code::kNotFound);
  EXPECT_FALSE(add_mark(commands_, "ann", MarkKind::kKey, std::string(64, 'A')));
  EXPECT_FALSE(add_mark(commands_, "ann", MarkKind::kKey, "ab"));
  EXPECT_FALSE(add_mark(commands_, "ann", MarkKind::kName, "ann.example"));
  EXPECT_FALSE(add_mark(commands_, "ann", MarkKind::kName, "DNS:"));
  EXPECT_FALSE(add_mark(commands_, "ann", MarkKind::kSubject, ""));
  EXPECT_EQ(remove_mark(commands_, MarkKind::kSubject, "CN=z").error().code(), Code::kNotFound);
}

TEST_F(AccessDirectory, VisibilityIsSetAsAWhole) {
  const auto visible = [&](const Identity& who) { return role(who, "acme/web") >= Role::kPull; };
  add_user("ann", "secret-1");
  const Identity ann = sign_in("ann", "secret-1");
  const struct {
    Visibility of_web;
    bool everybody;
    bool known;
  } kCases[] = {{Visibility::kPublic, true, true},
                {Visibility::kInternal, false, true},
                {Visibility::kPrivate, false, false},
                {Visibility::kInherited, true, true}};
  ASSERT_TRUE(set_visibility(commands_, "acme", Visibility::kPublic));
  for (const auto& [visibility, everybody, known] : kCases) {
    ASSERT_TRUE(set_visibility(commands_, "acme/web", visibility));
    EXPECT_EQ(visible({}), everybody) << visibility_name(visibility);
    EXPECT_EQ(visible(ann), known) << visibility_name(visibility);
  }
}

// What is granted to a new account fails: then there is no such account.
TEST_F(AccessDirectory, ANewAccountIsThereWithAllItIsGivenOrNotAtAll) {
  ASSERT_TRUE(commands_.db().execute("ALTER TABLE access_grant RENAME TO away"));
  EXPECT_FALSE(access::add_user(commands_, {.name = "eve"}, {Role::kPull, "acme"}));
  ASSERT_TRUE(commands_.db().execute("ALTER TABLE away RENAME TO access_grant"));
  EXPECT_EQ(find_account(commands_, "eve").error().code(), Code::kNotFound);
  const NewAccount robot{.name = "acme+new", .kind = AccountKind::kRobot};
  ASSERT_TRUE(commands_.db().execute("ALTER TABLE token RENAME TO away"));
  EXPECT_FALSE(add_robot(commands_, robot, {Role::kPull, "acme"}, {}));
  ASSERT_TRUE(commands_.db().execute("ALTER TABLE away RENAME TO token"));
  EXPECT_EQ(find_account(commands_, "acme+new").error().code(), Code::kNotFound);

  const NewRobot made = *add_robot(commands_, robot, {Role::kPull, "acme"}, {});
  const MadeToken second = *renew_secret(commands_, made.account.id, {});
  EXPECT_FALSE(directory_->sign_in_by_token(made.secret.secret));
  EXPECT_TRUE(directory_->sign_in_by_token(second.secret));
}

}  // namespace
}  // namespace skiff::access
