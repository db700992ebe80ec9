#include "registry/audit_log.h"

#include "base/strings.h"
#include "codec/base64.h"
#include "codec/hash.h"
#include "codec/json.h"
#include "codec/signature.h"
#include "db/attempts.h"

namespace skiff::registry {

namespace {

constexpr std::string_view kSeal = "seal";
constexpr size_t kEntriesPage = 1'000;
constexpr size_t kEntriesBatch = 500;  // of entries: in SQLite pushes wait for it
// Of names and addresses that a client chose.
constexpr size_t kMaxText = 512;

std::string shortened(const std::string& text) {
  return text.size() <= kMaxText ? text : cat(text.substr(0, kMaxText), "...");
}

// Each piece with its length before it: no two rows have the same.
std::string canonical(const AuditRow& row) {
  const AuditEntry& e = row.entry;
  std::string out = cat(row.id, " ", unix_nanos(e.at));
  for (const std::string* text :
       {&e.actor, &e.address, &e.action, &e.target, &e.outcome, &e.detail}) {
    out += cat(" ", text->size(), ":", *text);
  }
  return out;
}

std::string hash_of(const std::string& before, const AuditRow& row) {
  return sha256_hex(cat(before, "\n", canonical(row)));
}

AuditRow read_row(const Statement& row) {
  return {.id = row.integer(0),
          .entry = {.at = time_at(row.integer(1)),
                    .actor = row.text(2),
                    .address = row.text(3),
                    .action = row.text(4),
                    .target = row.text(5),
                    .outcome = row.text(6),
                    .detail = row.text(7)},
          .hash = row.text(8)};
}

// The end of the chain.
struct Head {
  int64_t last = 0;
  std::string hash;
};

// From now on nobody else adds rows, until the end of the transaction: it is changed before it is
// read.
Result<Head> take_head(Database& db) {
  TRY(db.run("UPDATE audit_head SET last = last WHERE one = 1"));
  Statement row = TRY(db.prepare("SELECT last, hash FROM audit_head WHERE one = 1"));
  if (!TRY(row.step())) return Error(Code::kDataLoss, "the audit log has no head");
  return Head{row.integer(0), row.text(1)};
}

Result<> add_row(Database& db, Head& head, AuditEntry entry) {
  AuditRow row{.id = head.last + 1, .entry = std::move(entry), .hash = ""};
  row.hash = hash_of(head.hash, row);
  const AuditEntry& e = row.entry;
  TRY(
      db.run("INSERT INTO audit(id, at, actor, address, action, target, outcome, detail, hash)"
             " VALUES (?,?,?,?,?,?,?,?,?)",
             row.id, unix_nanos(e.at), e.actor, e.address, e.action, e.target, e.outcome, e.detail,
             row.hash));
  head = {row.id, row.hash};
  return {};
}

Result<> put_head(Database& db, const Head& head) {
  TRY(db.run("UPDATE audit_head SET last = ?, hash = ? WHERE one = 1", head.last, head.hash));
  return {};
}

// The first of those that are not in the chain: rows with their own ids, and no hash.
Result<std::vector<AuditRow>> entries(Database& db, size_t limit) {
  Statement rows =
      TRY(db.prepare("SELECT id, at, actor, address, action, target, outcome, detail, ''"
                     " FROM audit_entry ORDER BY id LIMIT ?",
                     limit));
  std::vector<AuditRow> out;
  while (TRY(rows.step())) out.push_back(read_row(rows));
  return out;
}

// What a seal signs.
std::string sealed_text(int64_t row, const std::string& hash) {
  return cat("skiff registry audit ", row, " ", hash);
}

}  // namespace

AuditEntry audit_entry(TimePoint at, const Actor& actor, std::string action, std::string target) {
  AuditEntry entry{.at = at,
                   .actor = actor.name,
                   .address = actor.address,
                   .action = std::move(action),
                   .target = std::move(target)};
  if (!actor.token.empty()) entry.detail = json::object({{"token", actor.token}}).dump();
  return entry;
}

Result<> append_audit(Database& db, const AuditEntry& e) {
  TRY(
      db.run("INSERT INTO audit_entry(at, actor, address, action, target, outcome, detail)"
             " VALUES (?,?,?,?,?,?,?)",
             unix_nanos(e.at), shortened(e.actor), e.address, e.action, shortened(e.target),
             e.outcome, e.detail));
  return {};
}

Result<> chain_audit(Database& db) {
  for (;;) {
    {
      Statement row = TRY(db.prepare("SELECT 1 FROM audit_entry ORDER BY id LIMIT 1"));
      if (!TRY(row.step())) return {};
    }
    TRY(with_attempts(db, [&](Transaction& tx) -> Result<> {
      Head head = TRY(take_head(db));
      for (AuditRow& row : TRY(entries(db, kEntriesBatch))) {
        // One by one: an entry with a smaller id may have come since they were read.
        TRY(db.run("DELETE FROM audit_entry WHERE id = ?", row.id));
        TRY(add_row(db, head, std::move(row.entry)));
      }
      TRY(put_head(db, head));
      return tx.commit();
    }));
  }
}

Result<std::vector<AuditRow>> audit_rows(Database& db, int64_t after, size_t limit) {
  Statement rows =
      TRY(db.prepare("SELECT id, at, actor, address, action, target, outcome, detail, hash"
                     " FROM audit WHERE id > ? ORDER BY id LIMIT ?",
                     after, limit));
  std::vector<AuditRow> out;
  while (TRY(rows.step())) out.push_back(read_row(rows));
  return out;
}

Result<AuditBounds> audit_bounds(Database& db) {
  Statement row =
      TRY(db.prepare("SELECT last, hash, exported, exported_hash FROM audit_head WHERE one = 1"));
  if (!TRY(row.step())) return Error(Code::kDataLoss, "the audit log has no head");
  return AuditBounds{row.integer(0), row.text(1), row.integer(2), row.text(3)};
}

json::Value audit_json(const AuditRow& row) {
  const AuditEntry& e = row.entry;
  return json::object({{"id", row.id},
                       {"time", format_rfc3339(e.at)},
                       {"actor", e.actor},
                       {"address", e.address},
                       {"action", e.action},
                       {"target", e.target},
                       {"outcome", e.outcome},
                       {"detail", e.detail},
                       {"hash", row.hash}});
}

std::string audit_line(const AuditRow& row) {
  json::Value line = audit_json(row);
  line.set("at", unix_nanos(row.entry.at));
  return line.dump();
}

Result<AuditRow> read_audit_line(std::string_view line) {
  const json::Value value = TRY(json::parse(line));
  AuditRow row;
  row.id = TRY(value.require_int("id"));
  row.entry.at = time_at(TRY(value.require_int("at")));
  row.entry.actor = value.string("actor");
  row.entry.address = value.string("address");
  row.entry.action = value.string("action");
  row.entry.target = value.string("target");
  row.entry.outcome = value.string("outcome");
  row.entry.detail = value.string("detail");
  row.hash = TRY(value.require_string("hash"));
  return row;
}

bool AuditVerifier::fail(int64_t row, std::string why) {
  report_.broken = row;
  report_.why = std::move(why);
  return false;
}

bool AuditVerifier::check(const AuditRow& row) {
  if (report_.broken) return false;
  if (row.id != last_ + 1) return fail(last_ + 1, "it is not there");
  if (hash_of(hash_, row) != row.hash) return fail(row.id, "it is not what was written");
  if (row.entry.action == kSeal && !check_seal(row, hash_)) return false;
  last_ = row.id;
  hash_ = row.hash;
  ++report_.rows;
  return true;
}

bool AuditVerifier::check_seal(const AuditRow& row, const std::string& before) {
  const auto detail = json::parse(row.entry.detail);
  const auto key = detail ? base64_decode(detail->string("key")) : Result<std::string>("");
  const auto signature = detail ? base64_decode(detail->string("signature")) : key;
  if (!detail || !key || !signature ||
      !verify_ed25519(sealed_text(row.id - 1, before), *signature, *key)) {
    return fail(row.id, "its signature is not of the row before it");
  }
  ++report_.seals;
  return true;
}

Result<AuditReport> verify_audit(Database& db) {
  TRY(chain_audit(db));
  // One moment of it: a row that is appended meanwhile is no broken one.
  TRY(db.execute("BEGIN"));
  Result<AuditReport> checked = [&]() -> Result<AuditReport> {
    const AuditBounds bounds = TRY(audit_bounds(db));
    AuditVerifier verifier(bounds.exported, bounds.exported_hash);
    int64_t after = bounds.exported;
    for (;;) {
      const std::vector<AuditRow> rows = TRY(audit_rows(db, after, kEntriesPage));
      for (const AuditRow& row : rows) {
        if (!verifier.check(row)) return verifier.report();
        after = row.id;
      }
      if (rows.size() < kEntriesPage) break;
    }
    AuditReport report = verifier.report();
    if (after != bounds.last || verifier.hash() != bounds.last_hash) {
      report.broken = after + 1;
      report.why = "it is not there, or not what the head of the chain says";
    }
    return report;
  }();
  TRY(db.execute("ROLLBACK"));  // nothing was written
  return checked;
}

Result<> seal_audit(Database& db, const access::SigningKey& key, TimePoint now) {
  TRY(chain_audit(db));
  return with_attempts(db, [&](Transaction& tx) -> Result<> {
    Head head = TRY(take_head(db));
    if (head.last == 0) return {};
    const std::vector<AuditRow> last = TRY(audit_rows(db, head.last - 1, 1));
    if (!last.empty() && last.front().entry.action == kSeal) return {};
    const std::string signature =
        TRY(sign_ed25519(sealed_text(head.last, head.hash), key.private_key));
    const json::Value detail = json::object({{"key_id", key.id},
                                             {"key", base64_encode(key.public_key)},
                                             {"signature", base64_encode(signature)}});
    TRY(add_row(db, head,
                {.at = now,
                 .actor = "",
                 .address = "",
                 .action = std::string(kSeal),
                 .target = cat("row ", head.last),
                 .detail = detail.dump()}));
    TRY(put_head(db, head));
    return tx.commit();
  });
}

Result<> forget_audit(Database& db, int64_t through) {
  return with_attempts(db, [&](Transaction& tx) -> Result<> {
    const std::vector<AuditRow> last = TRY(audit_rows(db, through - 1, 1));
    if (last.empty() || last.front().id != through) {
      return Error(Code::kNotFound, cat("the audit log has no row ", through));
    }
    TRY(db.run("DELETE FROM audit WHERE id <= ?", through));
    TRY(db.run("UPDATE audit_head SET exported = ?, exported_hash = ? WHERE one = 1", through,
               last.front().hash));
    return tx.commit();
  });
}

Result<AuditExport> export_audit(Database& db,
                                 const std::function<Result<>(std::string_view)>& write) {
  TRY(chain_audit(db));
  const AuditBounds bounds = TRY(audit_bounds(db));
  AuditVerifier verifier(bounds.exported, bounds.exported_hash);
  int64_t last = bounds.exported;
  TRY(write(json::object({{"after", last}, {"hash", bounds.exported_hash}}).dump() + "\n"));
  while (last < bounds.last) {
    std::string text;
    const int64_t before = last;
    for (const AuditRow& row : TRY(audit_rows(db, last, kEntriesPage))) {
      if (!verifier.check(row)) {
        return Error(Code::kDataLoss, cat("the audit log is broken at row ",
                                          *verifier.report().broken, ": ", verifier.report().why));
      }
      text += audit_line(row) + "\n";
      last = row.id;
    }
    if (last == before) return Error(Code::kDataLoss, cat("the audit log ends at row ", last));
    TRY(write(text));
  }
  return AuditExport{bounds.exported, last, verifier.hash()};
}

}  // namespace skiff::registry
