// Why the cache has no record of a step: what was dropped, and what the step differs in from
// those that are there.
#include <set>

#include "base/strings.h"
#include "solver/cache.h"
#include "solver/key_parts.h"
#include "solver/portable_records.h"
#include "solver/predecessors.h"

namespace skiff::solver {

namespace {

// Records of each likeness that are looked at.
constexpr int kCandidates = 8;
// Keys of dropped records that are remembered.
constexpr int kMostGone = 10000;
// Lines of one explanation: more help nobody.
constexpr size_t kMostDifferences = 200;

void shorten(std::vector<std::string>& lines) {
  if (lines.size() <= kMostDifferences) return;
  const size_t left = lines.size() - kMostDifferences;
  lines.resize(kMostDifferences);
  lines.push_back(cat("and ", left, " more"));
}

}  // namespace

Result<> Cache::forget(const std::vector<std::string>& records, std::string_view why) {
  Transaction tx = TRY(db_.begin());
  const int64_t now = unix_nanos(clock_.now());
  for (const std::string& id : records) {
    TRY(db_.run("INSERT OR REPLACE INTO gone SELECT key, ?, ? FROM keys WHERE record = ?", why, now,
                id));
    TRY(db_.run("DELETE FROM records WHERE id = ?", id));
  }
  TRY(
      db_.run("DELETE FROM gone WHERE key IN "
              "(SELECT key FROM gone ORDER BY at DESC LIMIT -1 OFFSET ?)",
              kMostGone));
  return tx.commit();
}

Result<std::string> Cache::eviction_of(const std::vector<std::string>& keys) {
  constexpr size_t kDate = std::string_view("2026-11-29").size();
  for (const std::string& key : keys) {
    Statement s = TRY(db_.prepare("SELECT why, at FROM gone WHERE key = ?", key));
    if (!TRY(s.step())) continue;
    const std::string at = format_rfc3339(TimePoint(std::chrono::nanoseconds(s.integer(1))));
    return cat("evicted (", s.text(0), " on ", at.substr(0, kDate), ")");
  }
  return std::string();
}

Result<std::vector<EarlierStep>> Cache::candidates(const StepIdentity& identity,
                                                   std::string_view parent) {
  constexpr std::string_view kSearches[] = {
      "place = ?1 AND text = ?2 AND platform = ?3",
      "parent = ?4 AND platform = ?3 AND substr(text, 1, length(?5)) = ?5",
      "text = ?2 AND platform = ?3", "place = ?1 AND platform = ?3",
      "place = ?1 AND text = ?2 AND platform <> ?3"};
  std::vector<EarlierStep> out;
  std::set<std::string> known;
  for (std::string_view where : kSearches) {
    Statement s = TRY(db_.prepare(
        cat("SELECT id, parent, platform, place, text, max(created, used), "
            "NOT EXISTS(SELECT 1 FROM keys WHERE record = id) FROM records WHERE ",
            where, " AND ?5 <> '' ORDER BY parent = ?4 DESC, max(created, used) DESC LIMIT ",
            kCandidates),
        identity.place, identity.text, identity.platform, parent, instruction_of(identity.text)));
    while (TRY(s.step())) {
      if (!known.insert(s.text(0)).second) continue;
      out.push_back({.record = s.text(0),
                     .parent = s.text(1),
                     .identity = {.platform = s.text(2), .place = s.text(3), .text = s.text(4)},
                     .used = s.integer(5),
                     .is_outdated = s.integer(6) != 0});
    }
  }
  return out;
}

Result<std::string> Cache::parts_of(const std::string& record) {
  const std::scoped_lock lock(mutex_);
  Statement s = TRY(db_.prepare("SELECT parts FROM step_parts WHERE record = ?", record));
  return TRY(s.step()) ? s.text(0) : std::string();
}

Result<Miss> Cache::explain_miss(const StepIdentity& identity, const std::vector<std::string>& keys,
                                 const KeyParts& parts, const ImportedRecords* imported) {
  std::vector<EarlierStep> found;
  Miss miss;
  {
    const std::scoped_lock lock(mutex_);
    TRY(write_usage());  // the candidates' order is that of their last use
    miss.reason = TRY(eviction_of(keys));
    if (miss.reason.empty()) found = TRY(candidates(identity, parent_of(parts).value));
  }
  if (!miss.reason.empty()) {
    miss.differences.push_back(miss.reason);
    return miss;
  }
  const Predecessors predecessors(identity, parts);
  const auto own_parts = [this](const EarlierStep& earlier) -> Result<KeyParts> {
    return decode_parts(TRY(parts_of(earlier.record)));
  };
  miss.differences = predecessors.differences_from(std::move(found), own_parts);
  if (miss.differences.empty() && imported != nullptr) {
    miss.differences =
        predecessors.differences_from(imported->similar(identity, parent_of(parts).value),
                                      [](const EarlierStep& earlier) { return *earlier.imported; });
  }
  shorten(miss.differences);
  miss.reason = miss.differences.empty() ? "never built before" : miss.differences.front();
  return miss;
}

}  // namespace skiff::solver
