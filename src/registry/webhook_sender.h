// WebhookSender: tells webhooks what happened, as the outbox has it.
//
//   WebhookSender sender(metadata, {.source = "https://registry.example"}, clock);
//   sender.start();                                  // until it is destroyed
//
// Each event is a POST of a CloudEvents 1.0 document in JSON, signed as Standard Webhooks 1 has it:
// `webhook-signature: v1,BASE64` is the HMAC-SHA-256 of "ID.TIMESTAMP.BODY", `webhook-id` and
// `webhook-timestamp` are its first two parts. Any 2xx means that it arrived; all else, redirects
// too, is tried again, later each time, until the event is too old. A webhook's deliveries are made
// one at a time, by a thread of its own: one that hangs holds up no other.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/cancellation.h"
#include "net/web_client.h"
#include "registry/outbox.h"

namespace skiff::registry {

struct WebhookOptions {
  std::string source;  // of the events, a URI reference; "": the registry's public URL
  // Our name where several servers tell the webhooks of one database: each has its own, and the
  // same after a restart.
  std::string server;
  OutboxLimits limits;
  std::chrono::milliseconds look{1'000};  // how often new events are looked for
  int timeout_seconds = 15;               // of an attempt
  // Before the second attempt; doubles up to the longest. Each is made shorter by up to half, at
  // random, so that what failed together is not tried together.
  std::chrono::seconds first_pause{2};
  std::chrono::seconds longest_pause{3600};
};

class WebhookSender {
 public:
  // Both must outlive it.
  WebhookSender(Outbox& outbox, WebhookOptions options, const Clock& clock);
  ~WebhookSender();
  WebhookSender(const WebhookSender&) = delete;
  WebhookSender& operator=(const WebhookSender&) = delete;
  void start();

  // Since the start.
  struct Totals {
    std::atomic<uint64_t> delivered = 0;
    std::atomic<uint64_t> failed = 0;   // attempts
    std::atomic<uint64_t> dropped = 0;  // deliveries
  };
  const Totals& totals() const { return totals_; }

 private:
  // Who tells one webhook.
  struct Teller {
    Webhook webhook;
    TimePoint claimed_until;
    CancelSource cancel;
    std::jthread thread;
  };

  void run(const std::stop_token& stop);
  Result<> look(const std::stop_token& stop);
  void keep_tellers(const std::vector<Webhook>& webhooks);
  void tell(Teller& teller, const std::stop_token& stop);
  Result<bool> tell_next(Teller& teller);
  DeliveryOutcome attempt(const Teller& teller, const Delivery& delivery);
  net::WebRequest request_of(const Webhook& webhook, const Delivery& delivery) const;
  TimePoint next_try(const Delivery& delivery, const net::Headers& answer) const;
  void pause(const std::stop_token& stop);

  Outbox& outbox_;
  const WebhookOptions options_;
  const Clock& clock_;
  const std::string server_;  // our name in the outbox's claims
  net::WebClient outer_;      // reaches public addresses
  net::WebClient inner_;      // reaches this machine and private networks, too
  Totals totals_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  TimePoint trimmed_;
  std::map<std::string, std::unique_ptr<Teller>> tellers_;  // the looking thread's
  std::jthread thread_;                                     // last: it uses the others
};

}  // namespace skiff::registry
