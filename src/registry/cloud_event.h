// What a webhook is sent: the document, its signature; and which webhooks there may be.
#pragma once

#include <string>

#include "base/result.h"
#include "registry/outbox.h"

namespace skiff::registry {

// The CloudEvents 1.0 document of an event, in JSON.
std::string cloud_event(const Delivery& delivery, const std::string& source);

// What `webhook-signature` says (Standard Webhooks 1): "v1," and the base64 of the HMAC-SHA-256 of
// "ID.TIMESTAMP.BODY". `secret` as webhooks have it.
Result<std::string> webhook_signature(const std::string& secret, const std::string& id,
                                      int64_t timestamp, const std::string& body);

// kInvalidArgument, in words for who adds it: an https URL, or with `inner` an http one, kinds that
// there are, and patterns.
Result<> check_webhook(const Webhook& webhook);
// Checked, and not one too many: each has a thread of the server (kFailedPrecondition).
Result<Webhook> add_webhook(Outbox& outbox, const Webhook& webhook);
// kNotFound.
Result<> check_webhook_is_there(Outbox& outbox, const std::string& id);
// The last 200; with `state`, those in it. kInvalidArgument for a state that is none.
Result<std::vector<Delivery>> last_deliveries(Outbox& outbox, const std::string& webhook,
                                              const std::string& state);

}  // namespace skiff::registry
