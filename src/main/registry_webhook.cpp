// skiff-registry webhook ...
#include <cstdio>

#include "base/strings.h"
#include "main/data_root.h"
#include "main/registry_commands.h"
#include "registry/cloud_event.h"
#include "registry/mark.h"
#include "registry/metadata.h"

namespace skiff {

namespace {

using registry::Delivery;
using registry::MetadataStore;
using registry::Webhook;

// Beside a server that runs, too.
Result<std::unique_ptr<MetadataStore>> open_outbox(const Invocation& call) {
  const Path root = TRY(data_root(call.root));
  if (!TRY(registry::has_registry(root))) {
    return Error(Code::kNotFound, cat("there is no registry in ", root.native()));
  }
  return registry::open_metadata(root, {}, Clock::system());
}

std::string or_all(const std::vector<std::string>& words) {
  return words.empty() ? "all" : join(words, " ");
}

Result<> add_webhook(const Invocation& call) {
  const Webhook wanted{.url = call.operands[0],
                       .kinds = call.kinds,
                       .repositories = call.repositories,
                       .inner = call.inner};
  TRY(registry::check_webhook(wanted));
  const auto outbox = TRY(open_outbox(call));
  const Webhook added = TRY(registry::add_webhook(*outbox, wanted));
  fputs(cat(added.secret, "\n").c_str(), stdout);
  fputs(cat("Webhook ", added.id, "; its secret is shown only now.\n").c_str(), stderr);
  return {};
}

Result<> list_webhooks(const Invocation& call) {
  const auto outbox = TRY(open_outbox(call));
  std::vector<std::vector<std::string>> rows = {
      {"ID", "STATE", "EVENTS", "REPOSITORIES", "CREATED", "URL"}};
  for (const Webhook& each : TRY(outbox->webhooks())) {
    rows.push_back({each.id, each.disabled ? "disabled" : "enabled", or_all(each.kinds),
                    or_all(each.repositories), time_text(each.created), each.url});
  }
  print_table(rows);
  return {};
}

Result<> remove_webhook(const Invocation& call) {
  return TRY(open_outbox(call))->remove_webhook(call.operands[0]);
}

Result<> enable_webhook(const Invocation& call) {
  return TRY(open_outbox(call))->set_webhook_disabled(call.operands[0], false);
}

Result<> disable_webhook(const Invocation& call) {
  return TRY(open_outbox(call))->set_webhook_disabled(call.operands[0], true);
}

std::string next_text(const Delivery& delivery) {
  if (delivery.state != "waiting") return "-";
  return delivery.next_try == TimePoint{} ? "behind another" : time_text(delivery.next_try);
}

Result<> list_deliveries(const Invocation& call) {
  const auto outbox = TRY(open_outbox(call));
  std::vector<std::vector<std::string>> rows = {
      {"EVENT", "TIME", "KIND", "REPOSITORY", "STATE", "ATTEMPTS", "NEXT", "LAST ANSWER"}};
  for (const Delivery& each :
       TRY(registry::last_deliveries(*outbox, call.operands[0], call.state))) {
    const std::string answer = each.status == 0 ? "" : cat(each.status);
    rows.push_back({cat(each.event), time_text(each.at), each.kind, each.repository, each.state,
                    cat(each.attempts), next_text(each), each.error.empty() ? answer : each.error});
  }
  print_table(rows);
  return {};
}

Result<> redeliver(const Invocation& call) {
  const std::string& which = call.operands[1];
  const std::optional<int64_t> event = which == "all" ? 0 : parse_int(which);
  if (!event || (*event <= 0 && which != "all")) {
    return Error(Code::kInvalidArgument,
                 cat("not an event: ", quoted(which), ": its number, or all for those dropped"));
  }
  const auto outbox = TRY(open_outbox(call));
  TRY(registry::check_webhook_is_there(*outbox, call.operands[0]));
  const int64_t count = TRY(outbox->redeliver(call.operands[0], *event));
  fputs(cat(count, count == 1 ? " event is" : " events are", " delivered again.\n").c_str(),
        stdout);
  return {};
}

constexpr Verb kWebhookVerbs[] = {
    {"webhook add", "URL", "Tell a URL of events, and print its secret, which is shown only now",
     "kind repository inner", 1, 1, add_webhook},
    {"webhook list", "", "List the webhooks", "", 0, 0, list_webhooks, true},
    {"webhook remove", "ID", "Remove a webhook, with what it was still to be told", "", 1, 1,
     remove_webhook},
    {"webhook enable", "ID", "Tell a webhook of events again", "", 1, 1, enable_webhook},
    {"webhook disable", "ID", "Tell a webhook nothing; new events are not kept for it", "", 1, 1,
     disable_webhook},
    {"webhook deliveries", "ID", "List its last 200 deliveries, with their attempts", "state", 1, 1,
     list_deliveries, true},
    {"webhook redeliver", "ID EVENT", "Deliver an event again; all: each that was dropped", "", 2,
     2, redeliver},
};

}  // namespace

std::span<const Verb> webhook_verbs() { return kWebhookVerbs; }

}  // namespace skiff
