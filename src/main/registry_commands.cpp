#include "main/registry_commands.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>

#include "base/flags.h"
#include "base/strings.h"
#include "codec/json.h"
#include "db/attempts.h"
#include "main/data_root.h"
#include "main/registry_database.h"
#include "manage/redaction.h"
#include "registry/audit_log.h"
#include "registry/mark.h"
#include "registry/schema.h"

namespace skiff {

namespace {

constexpr std::string_view kProgram = "skiff-registry";

struct Group {
  std::string_view name;
  std::span<const Verb> verbs;
};

const std::vector<Group>& groups() {
  static const std::vector<Group> kGroups = {
      {"user", user_verbs()},
      {"team", team_verbs()},
      {"robot", robot_verbs()},
      {"token", token_verbs()},
      {"grant", grant_verbs()},
      {"repo", repo_verbs()},
      {"check", check_verbs()},
      {"gc", gc_verbs()},
      {"webhook", webhook_verbs()},
      {"backup", backup_verbs()},
      {"rule", rule_verbs()},
      {"quota", quota_verbs()},
      {"audit", audit_verbs()},
      {"retention", retention_verbs()},
      {"certificate", certificate_verbs()},
      {"key", key_verbs()},
      {"mirror", mirror_verbs()},
      {"import", import_verbs()},
      {"config", config_verbs()},
  };
  return kGroups;
}

std::vector<Flag> all_flags(Invocation& to, bool& help) {
  return {
      {"root", "DIR", "the registry's directory", &to.root},
      {"password-stdin", "", "read the password from standard input", nullptr, &to.password_stdin},
      {"role", "ROLE", "pull, push, maintain or own", &to.role},
      {"on", "PLACE", "where the role holds: / for the server, acme, acme/web", &to.on},
      {"label", "TEXT", "what it is for", &to.label},
      {"repository", "PATTERN", "only these repositories, as in 'acme/*' or 'acme/**'; repeatable",
       nullptr, nullptr, &to.repositories},
      {"tag", "PATTERN", "only these tags, as in 'v*'; repeatable", nullptr, nullptr, &to.tags},
      {"visibility", "WHICH", "public, internal, private or inherited", &to.visibility},
      {"deep", "", "read all content, also what nobody touched since it was stored", nullptr,
       &to.deep},
      {"repair", "", "mend what can be mended, and remove what no record has", nullptr, &to.repair},
      {"dry-run", "", "tell what would go, and change nothing", nullptr, &to.dry_run},
      {"kind", "KIND", "only these events, as in tag.set; repeatable", nullptr, nullptr, &to.kinds},
      {"inner", "", "an address of this machine or of a private network is meant, also by http",
       nullptr, &to.inner},
      {"state", "STATE", "only those: waiting, delivered or dropped", &to.state},
      {"copy", "", "give blobs files of their own also where they could be shared", nullptr,
       &to.copy},
      {"move-tags", "", "move tags that name something else here", nullptr, &to.move_tags},
      {"config", "FILE", "the configuration; else /etc/skiff/registry.yaml, where that is there",
       &to.config},
      {"blobs", "", "fetch the blobs of the S3 store of the configuration, too", nullptr,
       &to.blobs},
      {"as-configured", "",
       "put tables and blobs where the configuration says, in a database and an S3 store", nullptr,
       &to.as_configured},
      {"keep", "N", "snapshots to keep, with the new one", &to.keep},
      {"platform", "PLATFORM", "only these of an index, as in linux/arm64; repeatable", nullptr,
       nullptr, &to.platforms},
      {"place", "NAME", "its repositories are NAME/... here", &to.place},
      {"every", "TIME", "how often it runs by itself: 30m, 6h, 1d; else by hand alone", &to.every},
      {"credentials", "FILE", "its first line is USER:PASSWORD for the other registry",
       &to.credentials},
      {"ca", "FILE", "the other registry's authority (PEM)", &to.ca},
      {"push", "", "copy from here to the other registry", nullptr, &to.push},
      {"referrers", "", "copy signatures and what else is about an image, too", nullptr,
       &to.referrers},
      {"delete", "", "delete tags that are gone there", nullptr, &to.remove_gone},
      {"expires", "WHEN", "its end: 90d, 12h, 2027-01-31T00:00:00Z", &to.expires},
      {"keep-last", "N", "keep so many, by when they were set", &to.keep_last},
      {"keep-set", "AGE", "keep what was set within that time: 30d, 12h", &to.keep_set},
      {"keep-pulled", "AGE", "keep what was pulled within that time", &to.keep_pulled},
      {"file", "FILE", "the certificate (PEM): its key counts, also when it is renewed", &to.file},
      {"key", "HEX", "the SHA-256 of its public key", &to.key},
      {"name", "NAME", "a subject alternative name: DNS:..., email:... or URI:...", &to.name},
      {"subject", "TEXT", "its whole subject, as in CN=ann,O=Example", &to.subject},
      {"drop", "", "end all short-lived tokens at once, too", nullptr, &to.drop},
      {"limit", "N", "at most so many", &to.limit},
      {"forget", "", "take what was written out of the registry", nullptr, &to.forget},
      {"help", "", "print this text", nullptr, &help},
  };
}

std::vector<Flag> flags_of(const Verb& verb, Invocation& to, bool& help) {
  const std::vector<std::string> names = split(verb.flags, ' ');
  std::vector<Flag> flags = all_flags(to, help);
  std::erase_if(flags, [&](const Flag& flag) {
    return flag.name != "root" && flag.name != "help" &&
           std::ranges::find(names, flag.name) == names.end();
  });
  return flags;
}

std::string synopsis(const Verb& verb) {
  return cat(verb.words, verb.operands.empty() ? "" : " ", verb.operands);
}

std::string verb_help(const Verb& verb) {
  Invocation defaults;
  bool help = false;
  return cat("Usage: ", kProgram, " ", synopsis(verb), " [flags]\n\n", verb.summary, "\n\n",
             flags_help(flags_of(verb, defaults, help)));
}

std::string group_help(std::span<const Verb> verbs) {
  std::vector<std::string> parts;
  for (const Verb& verb : verbs) parts.push_back(verb_help(verb));
  return join(parts, "\n");
}

std::string program_help() {
  constexpr size_t kColumn = 38;
  std::string out = cat("Usage: ", kProgram, " COMMAND [flags]\n\n");
  const auto line = [&](std::string text, std::string_view summary) {
    text.resize(std::max(text.size() + 2, kColumn), ' ');
    out += cat("  ", text, summary, "\n");
  };
  line("serve", "Serve the OCI distribution API");
  for (const Group& group : groups()) {
    for (const Verb& verb : group.verbs) line(synopsis(verb), verb.summary);
  }
  return cat(out, "\n'", kProgram, " COMMAND --help' tells its flags.\n");
}

int misunderstood(std::string_view why, std::string_view command) {
  fputs(cat(kProgram, ": ", why, "\nSee '", kProgram, " ", command, command.empty() ? "" : " ",
            "--help'.\n")
            .c_str(),
        stderr);
  return 2;
}

// Who runs the command, as the system knows.
std::string local_actor() {
  const passwd* user = ::getpwuid(::getuid());
  return cat("local:", user != nullptr ? std::string(user->pw_name) : cat(::getuid()));
}

// Text of a value that was not given is the usual one.
void tell(json::Value& out, const Flag& flag, const Flag& usual) {
  if (flag.given != nullptr && *flag.given) out.set(flag.name, true);
  if (flag.value != nullptr && *flag.value != *usual.value) out.set(flag.name, *flag.value);
  if (flag.values == nullptr || flag.values->empty()) return;
  out.set(flag.name, *flag.values);
}

// The flags that it was given, but for where the registry is and where it reads a password from: no
// secret is among flags.
json::Value told(const Verb& verb, const Invocation& call) {
  Invocation given = call;
  Invocation usual;
  bool help = false;
  const std::vector<Flag> flags = flags_of(verb, given, help);
  const std::vector<Flag> usual_flags = flags_of(verb, usual, help);
  json::Value out = json::object();
  for (size_t i = 0; i < flags.size(); ++i) {
    if (flags[i].name == "root" || flags[i].name == "password-stdin") continue;
    tell(out, flags[i], usual_flags[i]);
  }
  return out;
}

// Where accounts were made for a registry that nobody has served yet, it begins with this row.
Result<> write_audit(const Verb& verb, const Invocation& call, const Result<>& done) {
  std::vector<std::string> operands;
  for (const std::string& operand : call.operands)
    operands.push_back(manage::without_secrets(operand));
  json::Value detail = told(verb, call);
  if (!done && operands == call.operands) detail.set("why", done.error().message());
  Database db = TRY(registry::open_registry_database(TRY(data_root(call.root))));
  const registry::AuditEntry entry{.at = Clock::system().now(),
                                   .actor = local_actor(),
                                   .address = "",
                                   .action = std::string(verb.words),
                                   .target = join(operands, " "),
                                   .outcome = done ? "done" : "failed",
                                   .detail = detail.dump()};
  TRY(with_attempts(db, [&](Transaction& tx) -> Result<> {
    TRY(registry::append_audit(db, entry));
    return tx.commit();
  }));
  return registry::chain_audit(db);
}

// A change that was made and not written down is told; a registry that is not there stays so, and
// of one whose database is lost nothing is changed.
Result<> run_audited(const Verb& verb, const Invocation& call) {
  if (verb.looks) return verb.run(call);
  const Path root = TRY(data_root(call.root));
  TRY(registry::has_registry(root));
  Result<> done = verb.run(call);
  if (!done && !TRY(registry::has_registry(root))) return done;
  const Result<> written = write_audit(verb, call, done);
  if (done && !written) {
    return Error(written.error().code(),
                 cat("it is done, but not in the audit log: ", written.error().message()));
  }
  return done;
}

int run_verb(const Verb& verb, std::span<char* const> arguments) {
  Invocation invocation;
  bool help = false;
  const std::vector<Flag> flags = flags_of(verb, invocation, help);
  if (const char* root = std::getenv("SKIFF_REGISTRY_ROOT"); root != nullptr && *root != '\0') {
    invocation.root = root;
  }
  const Result<> parsed = parse_flags(arguments, flags, &invocation.operands);
  if (!parsed) return misunderstood(parsed.error().message(), verb.words);
  if (help) {
    fputs(verb_help(verb).c_str(), stdout);
    return 0;
  }
  const size_t given = invocation.operands.size();
  if (given < verb.least || given > verb.most) {
    return misunderstood(cat("expected: ", synopsis(verb)), verb.words);
  }
  const Result<> done = run_audited(verb, invocation);
  if (done) return 0;
  if (done.error().code() == Code::kInvalidArgument) {
    return misunderstood(done.error().message(), verb.words);
  }
  fputs(cat(kProgram, ": ", done.error().message(), "\n").c_str(), stderr);
  return 1;
}

// "user add" by its two words, "grant" and "revoke" by one.
int run_in_group(const Group& group, std::span<char* const> arguments) {
  const std::string first = arguments[0];
  const std::string second = arguments.size() > 1 ? arguments[1] : "";
  for (const Verb& verb : group.verbs) {
    if (verb.words == first) return run_verb(verb, arguments.subspan(1));
    if (verb.words == cat(first, " ", second)) return run_verb(verb, arguments.subspan(2));
  }
  if (second == "--help") {
    fputs(group_help(group.verbs).c_str(), stdout);
    return 0;
  }
  return misunderstood(second.empty() ? cat("'", first, "' needs a command")
                                      : cat("unknown command: ", first, " ", second),
                       first);
}

bool begins_with_word(const Verb& verb, std::string_view word) {
  return verb.words == word || verb.words.starts_with(cat(word, " "));
}

}  // namespace

int run_registry_command(std::span<char* const> arguments) {
  set_database_connector(database_server);
  const std::string_view first = arguments.empty() ? "" : arguments[0];
  if (first == "serve") return serve_registry(arguments.subspan(1));
  if (first == "--help" || first == "help") {
    fputs(program_help().c_str(), stdout);
    return 0;
  }
  // Flags alone are those of serve.
  if (first.starts_with("--")) return serve_registry(arguments);
  for (const Group& group : groups()) {
    if (std::ranges::any_of(group.verbs,
                            [&](const Verb& v) { return begins_with_word(v, first); })) {
      return run_in_group(group, arguments);
    }
  }
  return misunderstood(
      first.empty() ? "a command is needed, such as serve" : cat("unknown command: ", first), "");
}

}  // namespace skiff
