#include "registry/cloud_event.h"

#include <algorithm>

#include "access/roles.h"
#include "base/strings.h"
#include "codec/base64.h"
#include "codec/hmac.h"
#include "codec/json.h"
#include "net/url.h"

namespace skiff::registry {

namespace {

constexpr std::string_view kTypePrefix = "skiff.registry.";
constexpr size_t kLongestUrl = 2'000;
constexpr size_t kMostWebhooks = 50;
constexpr size_t kMostShown = 200;
constexpr std::string_view kStates[] = {"waiting", "delivered", "dropped"};

// "acme/web:1", "acme/web@sha256:...", "acme/web".
std::string subject_of(const Delivery& delivery, const json::Value& data) {
  if (const std::string tag = data.string("tag"); !tag.empty()) {
    return cat(delivery.repository, ":", tag);
  }
  const std::string digest = data.string("digest");
  return digest.empty() ? delivery.repository : cat(delivery.repository, "@", digest);
}

}  // namespace

std::string cloud_event(const Delivery& delivery, const std::string& source) {
  const json::Value data = json::parse(delivery.data).value_or(json::object());
  return json::object({{"specversion", "1.0"},
                       {"id", delivery.uid},
                       {"source", source},
                       {"type", cat(kTypePrefix, delivery.kind)},
                       {"subject", subject_of(delivery, data)},
                       {"time", format_rfc3339(delivery.at)},
                       {"datacontenttype", "application/json"},
                       {"data", data}})
      .dump();
}

Result<std::string> webhook_signature(const std::string& secret, const std::string& id,
                                      int64_t timestamp, const std::string& body) {
  std::string_view text = secret;
  if (text.starts_with(kWebhookSecretPrefix)) text.remove_prefix(kWebhookSecretPrefix.size());
  const std::string key = TRY(base64_decode(text));
  return cat("v1,", base64_encode(hmac_sha256(key, cat(id, ".", timestamp, ".", body))));
}

Result<> check_webhook(const Webhook& webhook) {
  const auto refuse = [](std::string text) {
    return Error(Code::kInvalidArgument, std::move(text));
  };
  const net::Url url = TRY(net::Url::parse(webhook.url));
  const bool plain = std::ranges::all_of(webhook.url, [](char c) { return c > ' ' && c < 0x7F; });
  if (!plain || webhook.url.size() > kLongestUrl) {
    return refuse("a webhook's URL has printable ASCII characters, 2000 at most");
  }
  if (url.scheme != "https" && !webhook.inner) {
    return refuse(cat(net::shown_url(webhook.url),
                      " would tell of private repositories readably: give an https URL, or --inner"
                      " for one within your own network"));
  }
  if (net::is_link_local(url.host)) {
    return refuse(cat(url.host, " is a link-local address: no webhook is there"));
  }
  if (net::is_loopback(url.host) && !webhook.inner) {
    return refuse(cat(url.host, " is this machine: give --inner where that is meant"));
  }
  for (const std::string& kind : webhook.kinds) {
    if (std::ranges::find(kEventKinds, kind) != std::end(kEventKinds)) continue;
    const std::vector<std::string> kinds(std::begin(kEventKinds), std::end(kEventKinds));
    return refuse(cat("no such kind of event: ", quoted(kind), "; there are ", join(kinds, ", ")));
  }
  for (const std::string& pattern : webhook.repositories) TRY(access::check_pattern(pattern));
  return {};
}

Result<Webhook> add_webhook(Outbox& outbox, const Webhook& webhook) {
  TRY(check_webhook(webhook));
  if (TRY(outbox.webhooks()).size() < kMostWebhooks) return outbox.add_webhook(webhook);
  return Error(Code::kFailedPrecondition, cat("there are ", kMostWebhooks, " webhooks already"));
}

Result<> check_webhook_is_there(Outbox& outbox, const std::string& id) {
  const std::vector<Webhook> all = TRY(outbox.webhooks());
  if (std::ranges::find(all, id, &Webhook::id) != all.end()) return {};
  return Error(Code::kNotFound, cat("no such webhook: ", id));
}

Result<std::vector<Delivery>> last_deliveries(Outbox& outbox, const std::string& webhook,
                                              const std::string& state) {
  if (!state.empty() && std::ranges::find(kStates, state) == std::end(kStates)) {
    return Error(Code::kInvalidArgument,
                 cat("invalid state ", quoted(state), ": waiting, delivered or dropped"));
  }
  TRY(check_webhook_is_there(outbox, webhook));
  return outbox.deliveries(webhook, state, kMostShown);
}

}  // namespace skiff::registry
