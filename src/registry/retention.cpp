#include "registry/retention.h"

#include <algorithm>

#include "access/room.h"
#include "base/strings.h"
#include "db/attempts.h"

namespace skiff::registry {

namespace {

// Of one transaction.
constexpr size_t kVerdictBatch = 200;
constexpr access::Rows kRetention{"retention", "rules of retention", access::kMostRules};
constexpr std::string_view kPulls = "pulls known since";

bool fits(const RetentionRule& rule, const std::string& repository, const std::string& tag) {
  return reaches(rule.node, repository) && access::matches_pattern(rule.repositories, repository) &&
         access::matches_pattern(rule.tags, tag);
}

// "sha256-HEX.sig", "sha256-HEX" of cosign and referrers' lists: the digest it is about.
std::string subject_of(const std::string& tag) {
  const size_t dash = tag.find('-');
  const size_t dot = tag.find('.');
  if (dash == std::string::npos) return "";
  const auto digest = oci::Digest::parse(
      cat(tag.substr(0, dash), ":",
          tag.substr(dash + 1, dot == std::string::npos ? dot : dot - dash - 1)));
  return digest ? digest->str() : "";
}

// What is asked of a repository, and its rules.
class Judge {
 public:
  Judge(const std::vector<RetentionRule>& rules, const std::vector<TagRule>& tag_rules,
        const RetentionQuestion& question, TimePoint now)
      : tag_rules_(tag_rules), question_(question), now_(now) {
    for (const RetentionRule& rule : rules) {
      if (rule_reaches(rule)) ruling_.push_back({rule, last_of(rule)});
    }
  }

  std::optional<Verdict> verdict(const TagState& tag) const {
    std::vector<const Ruling*> governing;
    for (const Ruling& ruling : ruling_) {
      if (fits(ruling.rule, question_.repository, tag.name)) governing.push_back(&ruling);
    }
    if (governing.empty()) return std::nullopt;
    if (const std::string why = kept_always(tag); !why.empty()) return Verdict{tag, true, why};
    std::vector<std::string> against;
    for (const Ruling* ruling : governing) {
      const std::string number = cat("retention ", ruling->rule.id);
      if (const std::string why = kept_by(*ruling, tag); !why.empty()) {
        return Verdict{tag, true, cat(why, " (", number, ")")};
      }
      against.push_back(number);
    }
    return Verdict{tag, false, cat("kept by none of ", join(against, ", "), ": ", story_of(tag))};
  }

 private:
  struct Ruling {
    RetentionRule rule;
    std::set<std::string> last;  // the last N tags
  };

  bool rule_reaches(const RetentionRule& rule) const {
    return reaches(rule.node, question_.repository) &&
           access::matches_pattern(rule.repositories, question_.repository);
  }

  std::set<std::string> last_of(const RetentionRule& rule) const {
    std::vector<const TagState*> tags;
    for (const TagState& tag : question_.tags) {
      if (fits(rule, question_.repository, tag.name) && !is_about_something(tag)) {
        tags.push_back(&tag);
      }
    }
    std::ranges::sort(tags, [](const TagState* a, const TagState* b) {
      return a->set != b->set ? a->set > b->set : a->name < b->name;
    });
    std::set<std::string> last;
    for (const TagState* tag : tags) {
      if (static_cast<int64_t>(last.size()) == rule.keep_last) break;
      last.insert(tag->name);
    }
    return last;
  }

  bool is_about_something(const TagState& tag) const {
    const std::string subject = subject_of(tag.name);
    return !subject.empty() && question_.digests.contains(subject);
  }

  std::string kept_always(const TagState& tag) const {
    for (const TagRule& rule : rules_for(tag_rules_, question_.repository, tag.name)) {
      if (rule.kind == RuleKind::kImmutable) return cat("immutable by ", rule.str());
    }
    return is_about_something(tag) ? cat("about ", subject_of(tag.name), ", which is here") : "";
  }

  std::string kept_by(const Ruling& ruling, const TagState& tag) const {
    const RetentionRule& rule = ruling.rule;
    if (ruling.last.contains(tag.name)) return cat("one of the last ", rule.keep_last);
    if (rule.keep_set.count() > 0 && tag.set + rule.keep_set > now_) {
      return cat("set ", ago(tag.set), ", within ", human_duration(rule.keep_set));
    }
    if (rule.keep_pulled.count() == 0) return "";
    if (tag.pulled != TimePoint{} && tag.pulled + rule.keep_pulled > now_) {
      return cat("pulled ", ago(tag.pulled), ", within ", human_duration(rule.keep_pulled));
    }
    if (question_.pulls_known_since + rule.keep_pulled > now_) {
      return cat("pulls are known for less than ", human_duration(rule.keep_pulled));
    }
    return "";
  }

  std::string story_of(const TagState& tag) const {
    const std::string pulled =
        tag.pulled == TimePoint{} ? "not pulled" : cat("pulled ", ago(tag.pulled));
    return cat("set ", ago(tag.set), ", ", pulled);
  }

  std::string ago(TimePoint time) const { return cat(human_duration(now_ - time), " ago"); }

  const std::vector<TagRule>& tag_rules_;
  const RetentionQuestion& question_;
  const TimePoint now_;
  std::vector<Ruling> ruling_;
};

struct RepositoryRow {
  int64_t id = 0;
  std::string name;
};

Result<std::vector<RepositoryRow>> repositories_below(Database& db, const std::string& node) {
  Statement rows = TRY(db.prepare("SELECT id, name FROM repository ORDER BY name"));
  std::vector<RepositoryRow> out;
  while (TRY(rows.step())) {
    if (reaches(node, rows.text(1))) out.push_back({rows.integer(0), rows.text(1)});
  }
  return out;
}

Result<std::optional<int64_t>> last_run(Database& db, std::string_view name) {
  Statement row = TRY(db.prepare("SELECT last_run FROM routine WHERE name = ?", name));
  if (!TRY(row.step())) return std::optional<int64_t>();
  return std::optional(row.integer(0));
}

Result<RetentionQuestion> question_of(Database& db, const RepositoryRow& repository,
                                      TimePoint now) {
  RetentionQuestion out{.repository = repository.name};
  {
    Statement rows = TRY(db.prepare(
        "SELECT name, digest, updated, pulled FROM tag WHERE repository = ? ORDER BY name",
        repository.id));
    while (TRY(rows.step())) {
      out.tags.push_back(
          {rows.text(0), rows.text(1), time_at(rows.integer(2)), time_at(rows.integer(3))});
    }
  }
  Statement rows =
      TRY(db.prepare("SELECT digest FROM manifest WHERE repository = ?", repository.id));
  while (TRY(rows.step())) out.digests.insert(rows.text(0));
  const std::optional<int64_t> since = TRY(last_run(db, kPulls));
  out.pulls_known_since = since ? time_at(*since) : now;
  return out;
}

// Tells of those whose turn did not come, too.
Result<> expire(MetadataStore& metadata, const std::string& repository,
                std::vector<Verdict> verdicts, const VerdictSink& sink) {
  // Tags of one manifest side by side: with the last of them it goes.
  std::ranges::stable_sort(verdicts, {}, [](const Verdict& v) { return v.tag.digest; });
  for (size_t at = 0; at < verdicts.size(); at += kVerdictBatch) {
    const size_t end = std::min(verdicts.size(), at + kVerdictBatch);
    std::vector<TagState> tags;
    for (size_t i = at; i < end; ++i) tags.push_back(verdicts[i].tag);
    const auto gone = TRY(metadata.expire_tags(repository, tags, {"local:retention"}));
    const std::set<std::string> names(gone.begin(), gone.end());
    for (size_t i = at; i < end; ++i) {
      if (!names.contains(verdicts[i].tag.name)) {
        verdicts[i].keep = true;
        verdicts[i].reason = "it changed while the rules were being judged";
      }
      sink(repository, verdicts[i]);
    }
  }
  return {};
}

}  // namespace

Result<RetentionRule> add_retention(Database& db, RetentionRule rule) {
  TRY(access::check_pattern(rule.repositories));
  TRY(access::check_pattern(rule.tags));
  if (rule.keep_last <= 0 && rule.keep_set.count() <= 0 && rule.keep_pulled.count() <= 0) {
    return Error(Code::kInvalidArgument, "a rule of retention that keeps nothing would delete all");
  }
  return with_attempts(db, [&](Transaction& tx) -> Result<RetentionRule> {
    TRY(access::check_room(db, kRetention, rule.node));
    {
      Statement last = TRY(db.prepare("SELECT coalesce(max(id), 0) FROM retention"));
      TRY(last.step());
      rule.id = last.integer(0) + 1;
    }
    TRY(
        db.run("INSERT INTO retention(id, node, repositories, tags, keep_last, keep_set,"
               " keep_pulled) VALUES (?,?,?,?,?,?,?)",
               rule.id, rule.node, rule.repositories, rule.tags, rule.keep_last,
               rule.keep_set.count(), rule.keep_pulled.count()));
    TRY(tx.commit());
    return rule;
  });
}

Result<std::chrono::nanoseconds> retention_age(const std::string& text) {
  constexpr int64_t kMostDays = 36'500;
  if (text.empty()) return std::chrono::nanoseconds(0);
  const auto n = parse_int(std::string_view(text).substr(0, text.size() - 1));
  const int64_t hours = text.back() == 'd' ? 24 : text.back() == 'h' ? 1 : 0;
  if (n && *n > 0 && hours > 0 && *n <= kMostDays * 24 / hours) {
    return std::chrono::hours(*n * hours);
  }
  return Error(Code::kInvalidArgument, cat(quoted(text), ": as in 30d or 12h"));
}

std::string retention_age_text(std::chrono::nanoseconds age) {
  if (age.count() == 0) return "";
  const auto hours = std::chrono::duration_cast<std::chrono::hours>(age).count();
  return hours % 24 == 0 ? cat(hours / 24, "d") : cat(hours, "h");
}

Result<std::vector<RetentionRule>> list_retention(Database& db) {
  Statement rows =
      TRY(db.prepare("SELECT id, node, repositories, tags, keep_last, keep_set, keep_pulled"
                     " FROM retention ORDER BY id"));
  std::vector<RetentionRule> rules;
  while (TRY(rows.step())) {
    rules.push_back({.id = rows.integer(0),
                     .node = rows.text(1),
                     .repositories = rows.text(2),
                     .tags = rows.text(3),
                     .keep_last = rows.integer(4),
                     .keep_set = std::chrono::nanoseconds(rows.integer(5)),
                     .keep_pulled = std::chrono::nanoseconds(rows.integer(6))});
  }
  return rules;
}

Result<> remove_retention(Database& db, int64_t id) {
  if (TRY(db.run("DELETE FROM retention WHERE id = ?", id)) > 0) return {};
  return Error(Code::kNotFound, cat("no such rule of retention: ", id));
}

std::vector<Verdict> judge_tags(const std::vector<RetentionRule>& rules,
                                const std::vector<TagRule>& tag_rules,
                                const RetentionQuestion& question, TimePoint now) {
  const Judge judge(rules, tag_rules, question, now);
  std::vector<Verdict> out;
  for (const TagState& tag : question.tags) {
    if (auto verdict = judge.verdict(tag)) out.push_back(std::move(*verdict));
  }
  return out;
}

Result<> run_retention(Database& db, MetadataStore& metadata, const RetentionRun& run,
                       TimePoint now, const VerdictSink& sink) {
  const std::vector<RetentionRule> rules = TRY(list_retention(db));
  if (rules.empty()) return {};
  const std::vector<TagRule> tag_rules = TRY(list_rules(db));
  for (const RepositoryRow& repository : TRY(repositories_below(db, run.node))) {
    const RetentionQuestion question = TRY(question_of(db, repository, now));
    std::vector<Verdict> due;
    for (Verdict& verdict : judge_tags(rules, tag_rules, question, now)) {
      if (verdict.keep || run.dry) {
        sink(repository.name, verdict);
      } else {
        due.push_back(std::move(verdict));
      }
    }
    TRY(expire(metadata, repository.name, std::move(due), sink));
  }
  return {};
}

Result<> save_pulls(Database& db, const std::vector<Pull>& pulls) {
  constexpr int64_t kHour = std::chrono::nanoseconds(std::chrono::hours(1)).count();
  // Some at a time: they meet pushes to the same tags.
  constexpr size_t kAtOnce = 200;
  for (size_t at = 0; at < pulls.size(); at += kAtOnce) {
    const auto some = std::span(pulls).subspan(at, std::min(kAtOnce, pulls.size() - at));
    TRY(with_attempts(db, [&](Transaction& tx) -> Result<> {
      for (const Pull& pull : some) {
        TRY(
            db.run("UPDATE tag SET pulled = ?1 WHERE pulled < ?1 - ?4"
                   " AND (name = ?3 OR digest = ?3)"
                   " AND repository = (SELECT id FROM repository WHERE name = ?2)",
                   unix_nanos(pull.at), pull.repository, pull.reference, kHour));
      }
      return tx.commit();
    }));
  }
  return {};
}

Result<> note_pulls_since(Database& db, TimePoint now, bool anew) {
  TRY(db.run(cat("INSERT INTO routine(name, last_run) VALUES (?, ?) ON CONFLICT(name) DO ",
                 anew ? "UPDATE SET last_run = excluded.last_run" : "NOTHING"),
             kPulls, unix_nanos(now)));
  return {};
}

Result<bool> take_turn(Database& db, const std::string& name, std::chrono::seconds every,
                       TimePoint now) {
  return with_attempts(db, [&](Transaction& tx) -> Result<bool> {
    TRY(db.run("INSERT INTO routine(name, last_run) VALUES (?, 0) ON CONFLICT(name) DO NOTHING",
               name));
    const int64_t due = unix_nanos(now) - std::chrono::nanoseconds(every).count();
    const int64_t mine =
        TRY(db.run("UPDATE routine SET last_run = ? WHERE name = ? AND last_run <= ?",
                   unix_nanos(now), name, due));
    TRY(tx.commit());
    return mine > 0;
  });
}

}  // namespace skiff::registry
