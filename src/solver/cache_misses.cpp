// Why the cache has no record of a step: what was dropped, and what the step differs in from
// those that are there.
#include <algorithm>

#include "base/strings.h"
#include "solver/cache.h"
#include "solver/key_parts.h"
#include "solver/portable_records.h"

namespace skiff::solver {

namespace {

// Records that a miss is compared with.
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

struct Cache::Candidate {
  std::string parts;
  std::string platform;
};

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

// Of the same place and text, else of the same text, else of the same place; and only then, of
// the same place and text for another platform.
Result<std::vector<Cache::Candidate>> Cache::candidates(const StepIdentity& identity) {
  constexpr std::string_view kSearches[] = {
      "place = ?1 AND text = ?2 AND platform = ?3", "text = ?2 AND platform = ?3",
      "place = ?1 AND platform = ?3", "place = ?1 AND text = ?2 AND platform <> ?3"};
  std::vector<Candidate> out;
  for (std::string_view where : kSearches) {
    Statement s = TRY(db_.prepare(cat("SELECT parts, platform FROM records WHERE ", where,
                                      " ORDER BY max(created, used) DESC LIMIT ", kCandidates),
                                  identity.place, identity.text, identity.platform));
    while (TRY(s.step())) out.push_back({s.text(0), s.text(1)});
    if (!out.empty()) break;
  }
  return out;
}

Result<Miss> Cache::explain_miss(const StepIdentity& identity, const std::vector<std::string>& keys,
                                 const KeyParts& parts, const ImportedRecords* imported) {
  std::vector<Candidate> found;
  Miss miss;
  {
    const std::scoped_lock lock(mutex_);
    TRY(write_usage());  // the candidates' order is that of their last use
    miss.reason = TRY(eviction_of(keys));
    if (miss.reason.empty()) found = TRY(candidates(identity));
  }
  if (imported != nullptr && miss.reason.empty() && found.empty()) {
    for (const NewRecord* record : imported->similar(identity, kCandidates)) {
      found.push_back({encode_parts(record->parts), record->identity.platform});
    }
  }
  if (!miss.reason.empty()) miss.differences.push_back(miss.reason);
  const PartsIndex now(parts);
  for (const Candidate& candidate : found) {
    const auto before = decode_parts(candidate.parts);
    if (!before) continue;  // names that are no text
    std::vector<std::string> differences = now.differences_from(*before);
    if (candidate.platform != identity.platform) {
      std::string platform = cat("platform: ", skiff::quoted(candidate.platform), " is now ",
                                 skiff::quoted(identity.platform));
      std::erase(differences, platform);
      differences.insert(differences.begin(), std::move(platform));
    }
    const bool nearer = miss.differences.empty() || differences.size() < miss.differences.size();
    if (!differences.empty() && nearer) miss.differences = std::move(differences);
    if (miss.differences.size() == 1) break;
  }
  shorten(miss.differences);
  if (!miss.differences.empty()) miss.reason = miss.differences.front();
  return miss;
}

}  // namespace skiff::solver
