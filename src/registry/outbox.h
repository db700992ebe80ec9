// Outbox: what happened in a registry, kept until each webhook that wants it has been told. Part of
// the MetadataStore (metadata.h): an event is written in the transaction of its change, so there is
// one for each change that is durable and none for one that is not.
//
//   store.add_webhook({.url = "https://ci.example/hook", .kinds = {"tag.set"}});   a command
//   store.put_manifest(...);                                  // its events are written with it
//   store.spread_events(limits);                              // each event to who wants it
//   auto due = store.due_delivery(webhook, now);              // the sender (webhook_sender.h)
//   store.settle_delivery(webhook, due->event, {.delivered = true, .status = 204});
//
// Of one repository each webhook has its events one after the other, in the order of the changes:
// one that is not delivered holds up those behind it. Events of before a webhook was added are not
// for it. Where there is no webhook no event is written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace skiff::registry {

// All kinds of events.
inline constexpr std::string_view kEventKinds[] = {
    "manifest.pushed", "manifest.restored",  "manifest.deleted",  "tag.set",
    "tag.deleted",     "repository.created", "repository.deleted"};

// Before the secret's base64, as people and receivers' libraries know it (Standard Webhooks).
inline constexpr std::string_view kWebhookSecretPrefix = "whsec_";

struct Webhook {
  std::string id;
  std::string url;
  std::string secret;                     // "whsec_..."
  std::vector<std::string> kinds;         // of events; none: all
  std::vector<std::string> repositories;  // patterns (access/roles.h); none: all
  // Addresses of this machine and of private networks are meant.
  bool inner = false;
  bool disabled = false;  // gets no new events, and is told nothing
  TimePoint created;
};

struct Delivery {
  int64_t event = 0;
  std::string uid;  // of the event, for the receiver
  std::string kind;
  std::string repository;
  std::string data;   // JSON, of the event
  TimePoint at;       // of the event
  std::string state;  // waiting, delivered, dropped
  int64_t attempts = 0;
  TimePoint last_try;
  TimePoint next_try;  // zero: it waits for one before it, or it is over
  int status = 0;      // of the last answer; 0 where there was none
  std::string error;   // of the last attempt; "" for none
};

// What became of an attempt.
struct DeliveryOutcome {
  bool delivered = false;
  int status = 0;
  std::string error;
  TimePoint next_try;  // where it was not delivered; zero: it is given up
};

struct OutboxLimits {
  std::chrono::seconds age{3 * 24 * 3600};  // events that wait for longer are dropped
  int64_t waiting = 100'000;                // of one webhook; beyond it the oldest are dropped
  int64_t kept = 1'000;                     // deliveries of one webhook that are over
};

struct OutboxCounts {
  int64_t webhooks = 0;  // those not disabled
  int64_t waiting = 0;
  TimePoint oldest;  // event that waits; zero for none
};

class Outbox {
 public:
  virtual ~Outbox() = default;
  // Its id, creation and secret are made; the whole is returned.
  virtual Result<Webhook> add_webhook(Webhook webhook) = 0;
  virtual Result<std::vector<Webhook>> webhooks() = 0;
  // With its deliveries. kNotFound.
  virtual Result<> remove_webhook(const std::string& id) = 0;
  virtual Result<> set_webhook_disabled(const std::string& id, bool disabled) = 0;

  // The last ones, newest first; with `state`, those in it.
  virtual Result<std::vector<Delivery>> deliveries(const std::string& webhook,
                                                   const std::string& state, size_t limit) = 0;
  // Waits again, with no attempt made so far; with 0, each that was dropped. The number; kNotFound
  // where there is no such event.
  virtual Result<int64_t> redeliver(const std::string& webhook, int64_t event) = 0;

  // Some new events to the webhooks that want them, in order. The number of events.
  virtual Result<size_t> spread_events() = 0;
  // The right to tell a webhook, until then: of several servers on one database one has it.
  virtual Result<bool> claim_webhook(const std::string& id, const std::string& server,
                                     TimePoint until) = 0;
  virtual Result<std::optional<Delivery>> due_delivery(const std::string& webhook) = 0;
  virtual Result<> settle_delivery(const std::string& webhook, int64_t event,
                                   const DeliveryOutcome& outcome) = 0;
  // Drops and forgets what is beyond the limits; the number of deliveries dropped.
  virtual Result<int64_t> trim_outbox(const OutboxLimits& limits) = 0;
  virtual Result<OutboxCounts> outbox_counts() = 0;
};

}  // namespace skiff::registry
