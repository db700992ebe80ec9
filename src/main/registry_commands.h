// The commands of skiff-registry: a table of verbs, a file each group.
//
//   skiff-registry user add ann --password-stdin --root DIR
//
// A verb takes operands and some of the flags in Invocation, by name; its help comes from the
// table. Those that change accounts work on ROOT/access.db itself, also while a server runs. Those
// that look after what is stored ask the running server, else they open the registry themselves.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "access/roles.h"
#include "access/store.h"
#include "db/root_database.h"
#include "registry/s3_blobs.h"

namespace skiff {

struct Invocation {
  std::vector<std::string> operands;
  std::string root = "/var/lib/skiff-registry";
  std::string expires;
  std::string label;
  std::string role;
  std::string on;
  std::string visibility;
  std::vector<std::string> repositories;
  std::vector<std::string> tags;
  std::vector<std::string> kinds;
  std::string state;
  std::string limit = "100";
  std::string keep_last;
  std::string keep_set;
  std::string keep_pulled;
  std::string file;
  std::string key;
  std::string name;
  std::string subject;
  std::vector<std::string> platforms;
  std::string place;
  std::string every;
  std::string credentials;
  std::string ca;
  bool push = false;
  bool referrers = false;
  bool remove_gone = false;
  bool password_stdin = false;
  bool deep = false;
  bool repair = false;
  bool dry_run = false;
  bool inner = false;
  bool copy = false;
  bool move_tags = false;
  std::string config;
  std::string keep = "1";
  bool forget = false;
  bool blobs = false;
  bool as_configured = false;
  bool drop = false;
};

struct Verb {
  std::string_view words;     // "user add"
  std::string_view operands;  // "NAME"
  std::string_view summary;
  std::string_view flags;  // names beside --root and --help, with blanks between
  size_t least = 0;        // operands
  size_t most = 0;
  // kFailedPrecondition and its text also for what was done and found wrong.
  Result<> (*run)(const Invocation&) = nullptr;
  bool looks = false;  // changes nothing: no row of the audit log
};

std::span<const Verb> user_verbs();
std::span<const Verb> team_verbs();
std::span<const Verb> robot_verbs();
std::span<const Verb> token_verbs();
std::span<const Verb> grant_verbs();
std::span<const Verb> repo_verbs();
std::span<const Verb> check_verbs();
std::span<const Verb> gc_verbs();
std::span<const Verb> webhook_verbs();
std::span<const Verb> backup_verbs();
std::span<const Verb> rule_verbs();
std::span<const Verb> quota_verbs();
std::span<const Verb> audit_verbs();
std::span<const Verb> retention_verbs();
std::span<const Verb> certificate_verbs();
std::span<const Verb> key_verbs();
std::span<const Verb> mirror_verbs();
std::span<const Verb> import_verbs();
std::span<const Verb> config_verbs();

// The exit code: 0; 1 where it failed; 2 where it was not understood.
int run_registry_command(std::span<char* const> arguments);
// `skiff-registry serve`; its flags.
int serve_registry(std::span<char* const> arguments);
// What it would go by without flags, as Settings::text() has it, all judged. `config`: as of
// --config; "" for the usual file.
Result<std::string> serve_settings(const std::string& config);

// Where such a server keeps what is not below its root.
struct Elsewhere {
  std::optional<registry::S3Options> s3;
  std::optional<DatabaseName> database;
};
Result<Elsewhere> served_elsewhere(const std::string& config);

// For verbs.

// The accounts of --root, made where they are not there yet, which is told: from then on the
// registry asks who comes.
Result<access::Store> accounts_to_change(const Invocation& invocation);
// The same for looking; kNotFound where there are none, or no registry.
Result<access::Store> accounts_to_read(const Invocation& invocation);
// What --role says; kNone where it is not given, which --on does not go without.
Result<access::Role> role_of_new(const Invocation& invocation);
// The registry's tables of --root; kNotFound where there is no registry.
Result<Database> registry_database(const Invocation& invocation);
// What has the number that the command names goes.
Result<> remove_numbered(const Invocation& invocation, Result<> (*remove)(Database&, int64_t));
// Each --repository with each --tag; all where none is given.
struct Patterns {
  std::string repositories = "**";
  std::string tags = "*";
};
std::vector<Patterns> patterns(const Invocation& invocation);
// What --expires says: "90d", "12h", or a time of RFC 3339; zero where it is not given.
Result<TimePoint> expiry(const Invocation& invocation, TimePoint now);
// As tables show it: "never", "2026-11-28T10:00:00Z".
std::string time_text(TimePoint time);

// To standard output, columns aligned, the first row a heading.
void print_table(const std::vector<std::vector<std::string>>& rows);

// From standard input with --password-stdin, else from the terminal, twice, not shown.
Result<std::string> new_password(const Invocation& invocation);

}  // namespace skiff
