// Retention: which tags of a repository are deleted by themselves. A rule at a node governs the
// tags that fit its patterns, in the repositories that do, and keeps of these
//
//   the last N                of those of the repository that it governs, by when they were set
//   those set within a time   and
//   those pulled within a time
//
// A tag is deleted where a rule governs it and none of those that do keeps it; never an immutable
// one, and no signature or attestation of a manifest that is there (sha256-HEX.sig). With its last
// tag a manifest goes, too, unless an index lists it: to the trash, as by any deletion (history.h).
//
//   for (const Verdict& v : judge_tags(rules, tag_rules, "acme/web", tags, now)) ...   // dry run
//   auto done = metadata.expire_tags("acme/web", ...);                                // real run
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <set>

#include "base/clock.h"
#include "db/database.h"
#include "registry/metadata.h"
#include "registry/policy_rules.h"

namespace skiff::registry {

struct RetentionRule {
  int64_t id = 0;
  std::string node;
  std::string repositories = "**";  // patterns, of the whole name
  std::string tags = "*";
  int64_t keep_last = 0;                 // 0, as below: keeps nothing by that
  std::chrono::nanoseconds keep_set{0};  // age of what is kept
  std::chrono::nanoseconds keep_pulled{0};
};

// Ages as they are written: "30d", "12h", or "" for none. And back.
Result<std::chrono::nanoseconds> retention_age(const std::string& text);
std::string retention_age_text(std::chrono::nanoseconds age);

// Refuses patterns that are none, a rule that keeps nothing, and one too many (access/room.h); its
// id is set.
Result<RetentionRule> add_retention(Database& db, RetentionRule rule);
// By id.
Result<std::vector<RetentionRule>> list_retention(Database& db);
// kNotFound.
Result<> remove_retention(Database& db, int64_t id);

struct Verdict {
  TagState tag;
  bool keep = true;
  std::string reason;  // "one of the last 3 (rule 2)", "set 40 days ago, ..."
};

// What is decided of a repository's tags, all of them, in the order they came in. `digests`: of
// its manifests.
struct RetentionQuestion {
  std::string repository;
  std::vector<TagState> tags;
  std::set<std::string> digests;
  TimePoint pulls_known_since;  // before that nobody noted them
};
std::vector<Verdict> judge_tags(const std::vector<RetentionRule>& rules,
                                const std::vector<TagRule>& tag_rules,
                                const RetentionQuestion& question, TimePoint now);

// A run over all repositories at a node and below it, with what it found or did to each tag that a
// rule governs. `dry` deletes nothing, and says the same. Others may change tags meanwhile: a tag
// that was set anew since it was judged stays, and says so.
using VerdictSink = std::function<void(const std::string& repository, const Verdict&)>;
struct RetentionRun {
  std::string node;
  bool dry = false;
};
Result<> run_retention(Database& db, MetadataStore& metadata, const RetentionRun& run,
                       TimePoint now, const VerdictSink& sink);

// Pulls of manifests, by tag or digest, as tags have them; an hour's difference is not written.
struct Pull {
  std::string repository;
  std::string reference;
  TimePoint at;
};
Result<> save_pulls(Database& db, const std::vector<Pull>& pulls);
// From now on pulls are noted, if they were not before; `anew`: some of before are not known.
Result<> note_pulls_since(Database& db, TimePoint now, bool anew);

// Whether it is time for the routine of that name, which then counts as done now; true for one
// caller of all that share the database.
Result<bool> take_turn(Database& db, const std::string& name, std::chrono::seconds every,
                       TimePoint now);

}  // namespace skiff::registry
