// The audit log, and the keys that sign.
#include "access/signing_keys.h"
#include "base/strings.h"
#include "manage/rest.h"
#include "registry/audit_log.h"

namespace skiff::manage {

using registry::Answer;
using registry::AuditRow;

namespace {

// One row more than the page, so that the next one is known of.
Answer<> list_audit(ApiCall& call) {
  const int64_t after = TRY(last_number(call));
  const size_t page = TRY(page_size(call));
  Database db = TRY(call.api.database());
  TRY(registry::chain_audit(db));
  json::Array out;
  for (const AuditRow& row : TRY(registry::audit_rows(db, after, page + 1))) {
    out.push_back(registry::audit_json(row));
  }
  return reply_page(call, "rows", "id", out);
}

Answer<> verify_audit(ApiCall& call) {
  Database db = TRY(call.api.database());
  const registry::AuditReport report = TRY(registry::verify_audit(db));
  json::Value out = json::object({{"rows", report.rows}, {"seals", report.seals}});
  if (report.broken) {
    out.set("broken", *report.broken);
    out.set("why", report.why);
  }
  return call.http.reply_json(out);
}

// As the command writes it to a file; the rows stay.
Answer<> export_audit(ApiCall& call) {
  Database db = TRY(call.api.database());
  net::ResponseWriter& writer = call.http.writer;
  call.http.set("Content-Type", "application/jsonl");
  TRY(registry::export_audit(db, [&](std::string_view text) -> Result<> {
    if (!writer.started()) TRY(writer.begin(200));
    return writer.write(text);
  }));
  TRY(writer.finish());
  return {};
}

Answer<> list_keys(ApiCall& call) {
  auto accounts = TRY(call.api.accounts());
  json::Array out;
  for (const access::SigningKey& key : TRY(access::signing_keys(*accounts))) {
    out.push_back(json::object({{"id", key.id},
                                {"signsUntil", time_member(key.signs_until)},
                                {"checksUntil", time_member(key.checks_until)}}));
  }
  return call.http.reply_json(json::object({{"keys", std::move(out)}}));
}

Answer<> rotate_keys(ApiCall& call) {
  auto accounts = TRY(call.api.accounts());
  if (call.body.boolean("drop")) {
    TRY(access::drop_signing_keys(*accounts));
  } else {
    TRY(access::rotate_signing_keys(*accounts));
  }
  return call.http.reply_empty(204);
}

constexpr ApiRoute kAuditRoutes[] = {
    {"GET", "/audit", "", list_audit},
    {"GET", "/audit/export", "", export_audit},
    {"GET", "/audit/verify", "", verify_audit},
    {"GET", "/keys", "", list_keys},
    {"POST", "/keys/rotate", "drop:bool", rotate_keys},
};

}  // namespace

std::span<const ApiRoute> audit_routes() { return kAuditRoutes; }

}  // namespace skiff::manage
