// The audit log: who did what to what, from where, and how it went. Rows of registry.db, chained:
// the hash of each is the SHA-256 of the hash before it and of its own canonical text, so that none
// can be changed, taken out or put in between unnoticed. What a change writes is in the change's
// own transaction: there is no change without its entry. Entries become rows of the chain some
// moments later, so that changes need not wait for one another. Never holds a secret.
//
//   TRY(append_audit(db, {.at = now, .actor = "ann", .action = "push", .target = "acme/web@..."}));
//   TRY(chain_audit(db));                                  // soon, by whoever comes first
//   AuditReport report = TRY(verify_audit(db, keys));      // names the first row that is broken
//
// Who can write the file can also forge the whole chain from some row on; what shows that is a head
// that was signed (seal_audit) or exported before.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "access/signing_keys.h"
#include "base/clock.h"
#include "codec/json.h"
#include "db/database.h"
#include "registry/policy.h"

namespace skiff::registry {

struct AuditEntry {
  TimePoint at;
  std::string actor;    // an account's name; "" for nobody known; "local:root" of a command
  std::string address;  // of the client; "" for a Unix socket or a command
  std::string action;   // "push", "delete tag", "log in", "user add"
  std::string target;   // "acme/web@sha256:...", "acme/web:1.0"
  std::string outcome = "done";  // or "denied", "failed"
  std::string detail;            // more of it: a JSON object, or ""
};

struct AuditRow {
  int64_t id = 0;
  AuditEntry entry;
  std::string hash;  // in hex
};

// Inside a transaction. In the chain with the next chain_audit.
Result<> append_audit(Database& db, const AuditEntry& entry);
// Chains what was appended, in its order; of several who do at once one waits for the other. Until
// then nothing shows that an entry was changed or taken out.
Result<> chain_audit(Database& db);
// Of an actor's change.
AuditEntry audit_entry(TimePoint at, const Actor& actor, std::string action, std::string target);

// The first `limit` rows with an id above `after`.
Result<std::vector<AuditRow>> audit_rows(Database& db, int64_t after, size_t limit);
// The last id, and what hash the first row is chained to.
struct AuditBounds {
  int64_t last = 0;
  std::string last_hash;
  int64_t exported = 0;  // rows up to that were taken out by an export
  std::string exported_hash;
};
Result<AuditBounds> audit_bounds(Database& db);

// All of a row, its time as RFC 3339 has it.
json::Value audit_json(const AuditRow& row);
// A line of an export: the same, with the time as it is in the table. One a line, in order.
std::string audit_line(const AuditRow& row);
Result<AuditRow> read_audit_line(std::string_view line);

struct AuditReport {
  int64_t rows = 0;
  int64_t seals = 0;  // signatures that hold
  std::optional<int64_t> broken;
  std::string why;
};
// Checks rows as they come, each after the one before.
class AuditVerifier {
 public:
  // What the first row follows.
  AuditVerifier(int64_t before, std::string hash) : last_(before), hash_(std::move(hash)) {}
  // False from the first broken row on.
  bool check(const AuditRow& row);
  const AuditReport& report() const { return report_; }
  const std::string& hash() const { return hash_; }

 private:
  bool fail(int64_t row, std::string why);
  bool check_seal(const AuditRow& row, const std::string& before);

  int64_t last_;
  std::string hash_;
  AuditReport report_;
};
// All that the database has; chains what was not before.
Result<AuditReport> verify_audit(Database& db);

// Chains what was not, and a row that signs the row before it, unless that is such a row already.
Result<> seal_audit(Database& db, const access::SigningKey& key, TimePoint now);

// The rows that are there as lines, those not chained before with them; the first line,
// {"after","hash"}, says what the first row follows. kDataLoss where the chain is broken.
struct AuditExport {
  int64_t after = 0;
  int64_t last = 0;
  std::string hash;  // of the last
};
Result<AuditExport> export_audit(Database& db,
                                 const std::function<Result<>(std::string_view)>& write);

// Takes the rows up to `through` out, which somebody has written elsewhere.
Result<> forget_audit(Database& db, int64_t through);

}  // namespace skiff::registry
