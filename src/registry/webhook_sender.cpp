#include "registry/webhook_sender.h"

#include <algorithm>

#include "base/log.h"
#include "base/random.h"
#include "base/recurring_error.h"
#include "base/strings.h"
#include "net/ip_address.h"
#include "net/url.h"
#include "registry/cloud_event.h"

namespace skiff::registry {

namespace {

constexpr std::chrono::seconds kClaim{60};
constexpr std::chrono::seconds kBetweenTrims{30};
constexpr size_t kMostOfAnAnswer = size_t{64} * 1024;

net::WebClientOptions client_options(const WebhookOptions& options, bool inner) {
  net::WebClientOptions out;
  out.user_agent = "Skiff/" SKIFF_VERSION;
  out.connect_timeout_seconds = options.timeout_seconds;
  out.total_timeout_seconds = options.timeout_seconds;
  out.most_gathered = kMostOfAnAnswer;
  out.may_connect = [inner](const sockaddr& address) {
    const net::Reach reach = net::reach_of(address);
    return reach == net::Reach::kPublic || (inner && reach == net::Reach::kInner);
  };
  return out;
}

std::string failure_of(const net::WebResponse& answer) {
  if (answer.status < 300 || answer.status >= 400) return cat("answered ", answer.status);
  return cat("answered ", answer.status, ", to go to ",
             net::shown_url(answer.headers.get("Location")), ": redirects are not followed");
}

}  // namespace

WebhookSender::WebhookSender(Outbox& outbox, WebhookOptions options, const Clock& clock)
    : outbox_(outbox),
      options_(std::move(options)),
      clock_(clock),
      server_(options_.server),
      outer_(client_options(options_, false)),
      inner_(client_options(options_, true)) {}

WebhookSender::~WebhookSender() {
  thread_ = {};
  for (auto& [id, teller] : tellers_) teller->cancel.cancel();
  tellers_.clear();
}

void WebhookSender::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void WebhookSender::run(const std::stop_token& stop) {
  RecurringError failing;
  while (!stop.stop_requested()) {
    const Result<> looked = look(stop);
    if (failing.is_news(looked)) log_warn(cat("webhooks: ", looked.error().message()));
    pause(stop);
  }
}

void WebhookSender::pause(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, stop, options_.look, [] { return false; });
}

Result<> WebhookSender::look(const std::stop_token& stop) {
  while (TRY(outbox_.spread_events()) > 0) {
    if (stop.stop_requested()) return {};
  }
  keep_tellers(TRY(outbox_.webhooks()));
  const TimePoint now = clock_.now();
  if (now - trimmed_ < kBetweenTrims) return {};
  trimmed_ = now;
  const int64_t dropped = TRY(outbox_.trim_outbox(options_.limits));
  totals_.dropped += static_cast<uint64_t>(dropped);
  if (dropped > 0) log_warn(cat("webhooks: ", dropped, " deliveries were given up"));
  return {};
}

// One for each webhook that is to be told.
void WebhookSender::keep_tellers(const std::vector<Webhook>& webhooks) {
  std::erase_if(tellers_, [&](const auto& item) {
    const bool stays = std::ranges::any_of(
        webhooks, [&](const Webhook& each) { return each.id == item.first && !each.disabled; });
    if (!stays) item.second->cancel.cancel();
    return !stays;
  });
  for (const Webhook& webhook : webhooks) {
    if (webhook.disabled || tellers_.contains(webhook.id)) continue;
    auto& teller = tellers_[webhook.id] = std::make_unique<Teller>();
    teller->webhook = webhook;
    teller->thread = std::jthread(
        [this, teller = teller.get()](const std::stop_token& stop) { tell(*teller, stop); });
  }
}

void WebhookSender::tell(Teller& teller, const std::stop_token& stop) {
  RecurringError failing;
  while (!stop.stop_requested()) {
    const Result<bool> told = tell_next(teller);
    if (!told && told.error().code() == Code::kCancelled) return;
    if (failing.is_news(told))
      log_warn(cat("webhook ", teller.webhook.id, ": ", told.error().message()));
    if (!told || !*told) pause(stop);
  }
}

// False where nothing is due, or it is another server's to tell.
Result<bool> WebhookSender::tell_next(Teller& teller) {
  const Webhook& webhook = teller.webhook;
  const std::optional<Delivery> due = TRY(outbox_.due_delivery(webhook.id));
  if (!due) return false;
  const TimePoint now = clock_.now();
  if (now + kClaim / 2 > teller.claimed_until) {
    if (!TRY(outbox_.claim_webhook(webhook.id, server_, now + kClaim))) return false;
    teller.claimed_until = now + kClaim;
  }
  const DeliveryOutcome outcome = attempt(teller, *due);
  // Broken off by us it says nothing.
  if (!outcome.delivered) TRY(teller.cancel.token().check());
  TRY(outbox_.settle_delivery(webhook.id, due->event, outcome));
  ++(outcome.delivered ? totals_.delivered : totals_.failed);
  if (!outcome.delivered) {
    log_info(cat("webhook ", webhook.id, ": event ", due->event, ", attempt ", due->attempts + 1,
                 ": ", outcome.error));
  }
  return true;
}

DeliveryOutcome WebhookSender::attempt(const Teller& teller, const Delivery& delivery) {
  net::WebRequest request = request_of(teller.webhook, delivery);
  request.cancel = teller.cancel.token();
  int status = 0;
  size_t read = 0;
  request.on_head = [&](const net::WebResponse& answer) -> Result<> {
    status = answer.status;
    return {};
  };
  // What it says does not matter, and is not waited for without end.
  request.on_body = [&](std::string_view piece) -> Result<> {
    read += piece.size();
    return read <= kMostOfAnAnswer ? Result<>() : Error(Code::kResourceExhausted, "too long");
  };
  const Result<net::WebResponse> answer = (teller.webhook.inner ? inner_ : outer_).send(request);
  DeliveryOutcome outcome{.status = answer ? answer->status : status};
  outcome.delivered = outcome.status >= 200 && outcome.status < 300;
  if (outcome.delivered) return outcome;
  outcome.error = answer ? failure_of(*answer) : answer.error().message();
  outcome.next_try = next_try(delivery, answer ? answer->headers : net::Headers());
  return outcome;
}

net::WebRequest WebhookSender::request_of(const Webhook& webhook, const Delivery& delivery) const {
  net::WebRequest request{.method = "POST", .url = webhook.url, .exact_url = true};
  request.body = cloud_event(delivery, options_.source);
  const int64_t now = unix_seconds(clock_.now());
  request.headers.set("Content-Type", "application/cloudevents+json");
  request.headers.set("webhook-id", delivery.uid);
  request.headers.set("webhook-timestamp", cat(now));
  const auto signature = webhook_signature(webhook.secret, delivery.uid, now, request.body);
  if (signature) request.headers.set("webhook-signature", *signature);
  return request;
}

TimePoint WebhookSender::next_try(const Delivery& delivery, const net::Headers& answer) const {
  constexpr int64_t kMostDoublings = 20;
  const int64_t doublings = std::min(delivery.attempts, kMostDoublings);
  const auto longest = std::chrono::milliseconds(options_.longest_pause);
  auto pause = std::min(std::chrono::milliseconds(options_.first_pause) * (int64_t{1} << doublings),
                        longest);
  const auto chance = static_cast<unsigned char>(random_bytes(1)[0]);
  pause -= pause * chance / 512;
  if (const auto wish = parse_uint(answer.get("Retry-After"))) {
    const auto wished = std::chrono::seconds(std::min<uint64_t>(*wish, 1U << 30U));
    pause = std::max(pause, std::min<std::chrono::milliseconds>(wished, longest));
  }
  return clock_.now() + pause;
}

}  // namespace skiff::registry
