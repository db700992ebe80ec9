// Webhooks and the deliveries to them.
#include <algorithm>

#include "access/roles.h"
#include "base/random.h"
#include "base/strings.h"
#include "codec/base64.h"
#include "registry/sql_metadata.h"

namespace skiff::registry {

namespace {

constexpr size_t kSecretBytes = 32;
constexpr int64_t kSpreadAtOnce = 200;    // events in one transaction: pushes wait for it
constexpr int64_t kForgetAtOnce = 5'000;  // events in one transaction

constexpr std::string_view kWebhookColumns =
    "SELECT id, url, secret, kinds, repositories, inner_allowed, disabled, created FROM webhook";
constexpr std::string_view kDeliveryColumns =
    "SELECT delivery.event, event.uid, event.kind, event.repository, event.data, event.at, state,"
    " attempts, last_try, next_try, status, error"
    " FROM delivery JOIN event ON event.id = delivery.event";

std::vector<std::string> words(const std::string& text) {
  return text.empty() ? std::vector<std::string>() : split(text, ' ');
}

Webhook webhook_of(const Statement& row) {
  return {.id = row.text(0),
          .url = row.text(1),
          .secret = row.text(2),
          .kinds = words(row.text(3)),
          .repositories = words(row.text(4)),
          .inner = row.integer(5) != 0,
          .disabled = row.integer(6) != 0,
          .created = time_at(row.integer(7))};
}

Delivery delivery_of(const Statement& row) {
  return {.event = row.integer(0),
          .uid = row.text(1),
          .kind = row.text(2),
          .repository = row.text(3),
          .data = row.text(4),
          .at = time_at(row.integer(5)),
          .state = row.text(6),
          .attempts = row.integer(7),
          .last_try = time_at(row.integer(8)),
          .next_try = row.is_null(9) ? TimePoint{} : time_at(row.integer(9)),
          .status = static_cast<int>(row.integer(10)),
          .error = row.text(11)};
}

bool wants(const Webhook& webhook, const std::string& kind, const std::string& repository) {
  const auto& [kinds, patterns] = std::tie(webhook.kinds, webhook.repositories);
  if (!kinds.empty() && std::ranges::find(kinds, kind) == kinds.end()) return false;
  return patterns.empty() || std::ranges::any_of(patterns, [&](const std::string& pattern) {
           return access::matches_pattern(pattern, repository);
         });
}

// The first of a repository's that waits is the one to be tried.
Result<> promote(Database& db, const std::string& webhook, const std::string& repository,
                 int64_t now) {
  TRY(
      db.run("UPDATE delivery SET next_try = ?1 WHERE webhook = ?2 AND next_try IS NULL AND event ="
             " (SELECT min(event) FROM delivery WHERE webhook = ?2 AND repository = ?3"
             "  AND state = 'waiting')",
             now, webhook, repository));
  return {};
}

// Those of all repositories.
Result<> promote_all(Database& db, const std::string& webhook, int64_t now) {
  TRY(
      db.run("UPDATE delivery SET next_try = ?1 WHERE webhook = ?2 AND state = 'waiting'"
             " AND next_try IS NULL AND NOT EXISTS (SELECT 1 FROM delivery AS earlier"
             "  WHERE earlier.webhook = delivery.webhook AND earlier.state = 'waiting'"
             "  AND earlier.repository = delivery.repository AND earlier.event < delivery.event)",
             now, webhook));
  return {};
}

Result<> add_delivery(Database& db, const std::string& webhook, int64_t event,
                      const std::string& repository, int64_t now) {
  TRY(
      db.run("INSERT INTO delivery(webhook, event, repository, state) VALUES (?,?,?,'waiting')"
             " ON CONFLICT(webhook, event) DO NOTHING",
             webhook, event, repository));
  return promote(db, webhook, repository, now);
}

// The number of deliveries that are dropped, with that word for why, where none was made.
Result<int64_t> drop_waiting(Database& db, const std::string& webhook, int64_t up_to,
                             std::string_view why) {
  return db.run(
      "UPDATE delivery SET state = 'dropped', next_try = NULL,"
      " error = CASE WHEN error = '' THEN ?3 ELSE error END"
      " WHERE webhook = ?1 AND state = 'waiting' AND event <= ?2",
      webhook, up_to, why);
}

// The event of the delivery with `count` younger ones in that state; 0 where there are fewer.
Result<int64_t> beyond(Database& db, const std::string& webhook, std::string_view state,
                       int64_t count) {
  Statement row =
      TRY(db.prepare("SELECT event FROM delivery WHERE webhook = ? AND state = ?"
                     " ORDER BY event DESC LIMIT 1 OFFSET ?",
                     webhook, state, count));
  return TRY(row.step()) ? row.integer(0) : 0;
}

Result<int64_t> trim_webhook(Database& db, const std::string& webhook, const OutboxLimits& limits,
                             int64_t now) {
  const int64_t oldest = now - std::chrono::nanoseconds(limits.age).count();
  int64_t last_old = 0;
  {
    Statement row = TRY(db.prepare("SELECT max(id) FROM event WHERE at < ?", oldest));
    if (TRY(row.step())) last_old = row.integer(0);
  }
  const int64_t too_many = TRY(beyond(db, webhook, "waiting", limits.waiting));
  int64_t dropped = TRY(drop_waiting(db, webhook, last_old, "not delivered in time"));
  dropped += TRY(drop_waiting(db, webhook, too_many, "too many waited"));
  if (dropped > 0) TRY(promote_all(db, webhook, now));
  for (const std::string_view over : {"delivered", "dropped"}) {
    const int64_t last = TRY(beyond(db, webhook, over, limits.kept));
    TRY(db.run("DELETE FROM delivery WHERE webhook = ? AND state = ? AND event <= ?", webhook, over,
               last));
  }
  return dropped;
}

}  // namespace

Result<Webhook> SqlMetadata::add_webhook(Webhook webhook) {
  webhook.id = random_hex(8);
  webhook.created = clock_.now();
  if (webhook.secret.empty()) webhook.secret = random_bytes(kSecretBytes);
  webhook.secret = cat(kWebhookSecretPrefix, base64_encode(webhook.secret));
  return write([&](Database& db, Transaction& tx) -> Result<Webhook> {
    int64_t since = 0;
    {
      Statement row = TRY(db.prepare("SELECT max(id) FROM event"));
      if (TRY(row.step())) since = row.integer(0);
    }
    TRY(
        db.run("INSERT INTO webhook(id, url, secret, kinds, repositories, inner_allowed,"
               " disabled, created, since) VALUES (?,?,?,?,?,?,?,?,?)",
               webhook.id, webhook.url, webhook.secret, join(webhook.kinds, " "),
               join(webhook.repositories, " "), static_cast<int>(webhook.inner),
               static_cast<int>(webhook.disabled), unix_nanos(webhook.created), since));
    TRY(tx.commit());
    return webhook;
  });
}

Result<std::vector<Webhook>> SqlMetadata::webhooks() {
  Pool<Database>::Lease db = readers_.take();
  Statement rows = TRY(db->prepare(cat(kWebhookColumns, " ORDER BY created, id")));
  std::vector<Webhook> out;
  while (TRY(rows.step())) out.push_back(webhook_of(rows));
  return out;
}

Result<> SqlMetadata::remove_webhook(const std::string& id) {
  return write([&](Database& db, Transaction& tx) -> Result<> {
    TRY(db.run("DELETE FROM delivery WHERE webhook = ?", id));
    if (TRY(db.run("DELETE FROM webhook WHERE id = ?", id)) == 0) return no_webhook(id);
    return tx.commit();
  });
}

Result<> SqlMetadata::set_webhook_disabled(const std::string& id, bool disabled) {
  return write([&](Database& db, Transaction& tx) -> Result<> {
    const int64_t changed =
        TRY(db.run("UPDATE webhook SET disabled = ? WHERE id = ?", static_cast<int>(disabled), id));
    return changed == 0 ? no_webhook(id) : tx.commit();
  });
}

Error SqlMetadata::no_webhook(const std::string& id) {
  return {Code::kNotFound, cat("no such webhook: ", id)};
}

Result<std::vector<Delivery>> SqlMetadata::deliveries(const std::string& webhook,
                                                      const std::string& state, size_t limit) {
  Pool<Database>::Lease db = readers_.take();
  Statement rows = TRY(db->prepare(cat(kDeliveryColumns, " WHERE webhook = ?1",
                                       state.empty() ? " AND ?2 = ''" : " AND state = ?2",
                                       " ORDER BY delivery.event DESC LIMIT ?3"),
                                   webhook, state, limit));
  std::vector<Delivery> out;
  while (TRY(rows.step())) out.push_back(delivery_of(rows));
  return out;
}

Result<int64_t> SqlMetadata::redeliver(const std::string& webhook, int64_t event) {
  return write([&](Database& db, Transaction& tx) -> Result<int64_t> {
    constexpr std::string_view kAgain =
        "UPDATE delivery SET state = 'waiting', attempts = 0, next_try = ?2, status = 0, error = ''"
        " WHERE webhook = ?1";
    const int64_t count = event == 0
                              ? TRY(db.run(cat(kAgain, " AND state = 'dropped'"), webhook, now()))
                              : TRY(db.run(cat(kAgain, " AND event = ?3"), webhook, now(), event));
    if (event != 0 && count == 0) {
      return Error(Code::kNotFound, cat("webhook ", webhook, " has no event ", event));
    }
    TRY(tx.commit());
    return count;
  });
}

Result<size_t> SqlMetadata::spread_events() {
  struct Event {
    int64_t id;
    std::string kind;
    std::string repository;
  };
  std::vector<Event> events;
  {
    Pool<Database>::Lease db = readers_.take();
    Statement rows =
        TRY(db->prepare("SELECT id, kind, repository FROM event WHERE spread = 0"
                        " ORDER BY id LIMIT ?",
                        kSpreadAtOnce));
    while (TRY(rows.step())) events.push_back({rows.integer(0), rows.text(1), rows.text(2)});
  }
  if (events.empty()) return size_t{0};
  return write([&](Database& db, Transaction& tx) -> Result<size_t> {
    std::vector<std::pair<Webhook, int64_t>> hooks;
    {
      Statement rows = TRY(db.prepare(
          "SELECT id, url, secret, kinds, repositories, inner_allowed, disabled, created, since"
          " FROM webhook WHERE disabled = 0"));
      while (TRY(rows.step())) hooks.emplace_back(webhook_of(rows), rows.integer(8));
    }
    for (const Event& event : events) {
      const int64_t ours =
          TRY(db.run("UPDATE event SET spread = 1 WHERE id = ? AND spread = 0", event.id));
      if (ours == 0) continue;
      for (const auto& [hook, since] : hooks) {
        if (event.id <= since || !wants(hook, event.kind, event.repository)) continue;
        TRY(add_delivery(db, hook.id, event.id, event.repository, now()));
      }
    }
    TRY(tx.commit());
    return events.size();
  });
}

Result<bool> SqlMetadata::claim_webhook(const std::string& id, const std::string& server,
                                        TimePoint until) {
  return write_soon([&](Database& db, Transaction& tx) -> Result<bool> {
    const int64_t claimed =
        TRY(db.run("UPDATE webhook SET claim = ?2, claim_until = ?3 WHERE id = ?1"
                   " AND disabled = 0 AND (claim = ?2 OR claim_until < ?4)",
                   id, server, unix_nanos(until), now()));
    TRY(tx.commit());
    return claimed > 0;
  });
}

Result<std::optional<Delivery>> SqlMetadata::due_delivery(const std::string& webhook) {
  Pool<Database>::Lease db = readers_.take();
  Statement row = TRY(db->prepare(
      cat(kDeliveryColumns, " WHERE webhook = ? AND next_try <= ? ORDER BY next_try LIMIT 1"),
      webhook, now()));
  if (!TRY(row.step())) return std::optional<Delivery>();
  return std::optional(delivery_of(row));
}

Result<> SqlMetadata::settle_delivery(const std::string& webhook, int64_t event,
                                      const DeliveryOutcome& outcome) {
  const bool again = !outcome.delivered && outcome.next_try != TimePoint{};
  const std::string_view state = outcome.delivered ? "delivered" : again ? "waiting" : "dropped";
  return write([&](Database& db, Transaction& tx) -> Result<> {
    TRY(
        db.run("UPDATE delivery SET state = ?3, attempts = attempts + 1, last_try = ?4,"
               " next_try = NULL, status = ?5, error = ?6 WHERE webhook = ?1 AND event = ?2"
               " AND (state = 'waiting' OR ?3 = 'delivered')",  // given up meanwhile: it stays so
               webhook, event, state, now(), outcome.status, outcome.error));
    if (again) {
      TRY(
          db.run("UPDATE delivery SET next_try = ? WHERE webhook = ? AND event = ?"
                 " AND state = 'waiting'",
                 unix_nanos(outcome.next_try), webhook, event));
    } else {
      std::string repository;
      {
        Statement row = TRY(db.prepare(
            "SELECT repository FROM delivery WHERE webhook = ? AND event = ?", webhook, event));
        if (TRY(row.step())) repository = row.text(0);
      }
      TRY(promote(db, webhook, repository, now()));
    }
    return tx.commit();
  });
}

Result<int64_t> SqlMetadata::trim_outbox(const OutboxLimits& limits) {
  std::vector<std::string> ids;
  for (const Webhook& webhook : TRY(webhooks())) ids.push_back(webhook.id);
  return write([&](Database& db, Transaction& tx) -> Result<int64_t> {
    int64_t dropped = 0;
    for (const std::string& id : ids) dropped += TRY(trim_webhook(db, id, limits, now()));
    TRY(
        db.run("DELETE FROM event WHERE id IN (SELECT id FROM event WHERE spread = 1"
               " AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.event = event.id)"
               " ORDER BY id LIMIT ?)",
               kForgetAtOnce));
    TRY(tx.commit());
    return dropped;
  });
}

Result<OutboxCounts> SqlMetadata::outbox_counts() {
  Pool<Database>::Lease db = readers_.take();
  OutboxCounts out;
  Statement row =
      TRY(db->prepare("SELECT (SELECT count(*) FROM webhook WHERE disabled = 0),"
                      " (SELECT count(*) FROM delivery WHERE state = 'waiting')"
                      "  + (SELECT count(*) FROM event WHERE spread = 0),"
                      " (SELECT min(at) FROM event WHERE spread = 0 OR id ="
                      "  (SELECT min(event) FROM delivery WHERE state = 'waiting'))"));
  if (!TRY(row.step())) return out;
  out.webhooks = row.integer(0);
  out.waiting = row.integer(1);
  if (!row.is_null(2)) out.oldest = time_at(row.integer(2));
  return out;
}

}  // namespace skiff::registry
