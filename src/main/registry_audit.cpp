// skiff-registry audit ...
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/file.h"
#include "base/strings.h"
#include "codec/json.h"
#include "main/registry_commands.h"
#include "registry/audit_log.h"

namespace skiff {

namespace {

using registry::AuditBounds;
using registry::AuditReport;
using registry::AuditRow;
using registry::AuditVerifier;

constexpr size_t kMostExported = size_t{4} << 30U;

Result<> list_audit(const Invocation& call) {
  const auto limit = parse_int(call.limit);
  if (!limit || *limit < 1) {
    return Error(Code::kInvalidArgument, cat("invalid value for --limit: ", quoted(call.limit)));
  }
  Database db = TRY(registry_database(call));
  TRY(registry::chain_audit(db));
  const AuditBounds bounds = TRY(registry::audit_bounds(db));
  std::vector<std::vector<std::string>> rows = {
      {"ID", "TIME", "ACTOR", "ADDRESS", "ACTION", "TARGET", "OUTCOME", "DETAIL"}};
  const int64_t after = std::max<int64_t>(0, bounds.last - *limit);
  for (const AuditRow& row : TRY(registry::audit_rows(db, after, static_cast<size_t>(*limit)))) {
    const auto& e = row.entry;
    rows.push_back({cat(row.id), time_text(e.at), e.actor, e.address, e.action, e.target, e.outcome,
                    e.detail});
  }
  print_table(rows);
  return {};
}

Error broken(const AuditReport& report) {
  return {Code::kDataLoss,
          cat("the audit log is broken at row ", *report.broken, ": ", report.why)};
}

Result<> tell_report(const AuditReport& report) {
  if (report.broken) return broken(report);
  fputs(cat(report.rows, " rows are whole; ", report.seals, " signatures among them.\n").c_str(),
        stdout);
  return {};
}

// What cannot be read of an export is damage, not a command that was misunderstood.
Error damaged(std::string_view place, const Error& error) {
  return {Code::kDataLoss, cat(place, ": ", error.message())};
}

// The first line says what the rows follow: where this is not the first file, the one before it.
Result<> begin_export(const std::string& file, std::string_view line,
                      std::optional<AuditVerifier>& verifier) {
  const auto no_export = [&](const Error& error) {
    return damaged(cat(file, " is no export: line 1"), error);
  };
  const auto head = json::parse(line);
  if (!head) return no_export(head.error());
  const auto after = head->require_int("after");
  if (!after) return no_export(after.error());
  const auto hash = head->require_string("hash");
  if (!hash) return no_export(hash.error());
  if (!verifier) verifier.emplace(*after, *hash);
  if (*hash == verifier->hash()) return {};
  return Error(Code::kDataLoss, cat(file, " does not follow the file before it"));
}

Result<> verify_export(const std::string& file, std::optional<AuditVerifier>& verifier) {
  const std::string text = TRY(read_file(file, kMostExported));
  if (text.empty()) return Error(Code::kDataLoss, cat(file, " is no export: it is empty"));
  size_t number = 1;
  for (size_t at = 0; at < text.size(); ++number) {
    const std::string place = cat(file, " line ", number);
    const size_t end = text.find('\n', at);
    if (end == std::string::npos) return Error(Code::kDataLoss, cat(place, ": cut off"));
    const std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    if (number == 1) {
      TRY(begin_export(file, line, verifier));
      continue;
    }
    const auto row = registry::read_audit_line(line);
    if (!row) return damaged(place, row.error());
    if (!verifier->check(*row)) return broken(verifier->report());
  }
  return {};
}

// Each the one that follows the one before.
Result<> verify_files(const std::vector<std::string>& files) {
  std::optional<AuditVerifier> verifier;
  for (const std::string& file : files) TRY(verify_export(file, verifier));
  return tell_report(verifier->report());
}

Result<> verify_audit(const Invocation& call) {
  if (!call.operands.empty()) return verify_files(call.operands);
  Database db = TRY(registry_database(call));
  return tell_report(TRY(registry::verify_audit(db)));
}

Result<> write_all(int fd, std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const ssize_t n = ::write(fd, text.data() + at, text.size() - at);
    if (n < 0) return Error::from_errno(errno, "write the export");
    at += static_cast<size_t>(n);
  }
  return {};
}

Result<> export_rows(const Invocation& call) {
  const Path file = call.operands[0];
  Database db = TRY(registry_database(call));
  UniqueFd out = TRY(open_file(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const registry::AuditExport done = TRY(registry::export_audit(
      db, [&](std::string_view text) { return write_all(out.get(), text); }));
  if (::fsync(out.get()) != 0) return Error::from_errno(errno, cat("fsync ", file.native()));
  TRY(DurableFiles::system().sync_directory(file.has_parent_path() ? file.parent_path()
                                                                   : Path(".")));
  fputs(
      cat("Rows ", done.after + 1, " to ", done.last, "; the hash of the last is ", done.hash, "\n")
          .c_str(),
      stdout);
  if (!call.forget || done.last == done.after) return {};
  return registry::forget_audit(db, done.last);
}

constexpr Verb kAuditVerbs[] = {
    {"audit list", "", "List the last rows of the audit log", "limit", 0, 0, list_audit, true},
    {"audit verify", "[FILE...]",
     "Check the chain of the audit log, or of exports in their order; the first broken row is "
     "named",
     "", 0, 1'000, verify_audit, true},
    {"audit export", "FILE", "Write the audit log to a new file", "forget", 1, 1, export_rows},
};

}  // namespace

std::span<const Verb> audit_verbs() { return kAuditVerbs; }

}  // namespace skiff
