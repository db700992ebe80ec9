// Webhooks, and what they were told.
#include <algorithm>

#include "base/strings.h"
#include "manage/rest.h"
#include "registry/cloud_event.h"

namespace skiff::manage {

using registry::Answer;
using registry::Refusal;
using registry::Webhook;

namespace {

json::Value webhook_json(const Webhook& webhook) {
  return json::object({{"id", webhook.id},
                       {"url", webhook.url},
                       {"kinds", webhook.kinds},
                       {"repositories", webhook.repositories},
                       {"inner", webhook.inner},
                       {"disabled", webhook.disabled},
                       {"created", time_member(webhook.created)}});
}

Answer<> list_webhooks(ApiCall& call) {
  std::vector<Webhook> all = TRY(call.http.context.metadata.webhooks());
  std::ranges::sort(all, {}, &Webhook::id);
  json::Array out;
  for (const Webhook& webhook : all) out.push_back(webhook_json(webhook));
  return reply_page(call, "webhooks", "id", out);
}

Answer<> add_webhook(ApiCall& call) {
  Webhook wanted{.url = call.body.string("url")};
  wanted.kinds = call.body.strings("kinds");
  wanted.repositories = call.body.strings("repositories");
  wanted.inner = call.body.boolean("inner");
  const Webhook added = TRY(as_answer(registry::add_webhook(call.http.context.metadata, wanted)));
  call.noted.set("id", added.id);
  json::Value out = webhook_json(added);
  out.set("secret", added.secret);
  return call.http.reply(201, "application/json", out.dump());
}

Answer<> change_webhook(ApiCall& call) {
  TRY(as_answer(call.http.context.metadata.set_webhook_disabled(call.name(0),
                                                                call.body.boolean("disabled"))));
  return call.http.reply_empty(204);
}

Answer<> remove_webhook(ApiCall& call) {
  TRY(as_answer(call.http.context.metadata.remove_webhook(call.name(0))));
  return call.http.reply_empty(204);
}

json::Value delivery_json(const registry::Delivery& delivery) {
  return json::object({{"event", delivery.event},
                       {"time", time_member(delivery.at)},
                       {"kind", delivery.kind},
                       {"repository", delivery.repository},
                       {"state", delivery.state},
                       {"attempts", delivery.attempts},
                       {"next", time_member(delivery.next_try)},
                       {"status", delivery.status},
                       {"error", delivery.error}});
}

Answer<> list_deliveries(ApiCall& call) {
  json::Array out;
  for (const auto& delivery : TRY(as_answer(registry::last_deliveries(
           call.http.context.metadata, call.name(0), call.http.request.query.get("state"))))) {
    out.push_back(delivery_json(delivery));
  }
  return call.http.reply_json(json::object({{"deliveries", std::move(out)}}));
}

Answer<> redeliver(ApiCall& call) {
  registry::Outbox& outbox = call.http.context.metadata;
  const int64_t event = call.body.integer("event");
  if (call.body.has("event") && event <= 0) return Refusal(kInvalid, "event must be above 0");
  TRY(as_answer(registry::check_webhook_is_there(outbox, call.name(0))));
  const int64_t count = TRY(as_answer(outbox.redeliver(call.name(0), event)));
  return call.http.reply_json(json::object({{"events", count}}));
}

constexpr ApiRoute kWebhookRoutes[] = {
    {"GET", "/webhooks", "", list_webhooks},
    {"POST", "/webhooks", "url:url! kinds:strings repositories:strings inner:bool", add_webhook},
    {"PATCH", "/webhooks/{id}", "disabled:bool!", change_webhook},
    {"DELETE", "/webhooks/{id}", "", remove_webhook},
    {"GET", "/webhooks/{id}/deliveries", "", list_deliveries},
    {"POST", "/webhooks/{id}/redeliver", "event:int", redeliver},
};

}  // namespace

std::span<const ApiRoute> webhook_routes() { return kWebhookRoutes; }

}  // namespace skiff::manage
