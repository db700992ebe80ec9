#include "registry/call.h"

#include <algorithm>

#include "access/guesses.h"
#include "base/log.h"
#include "base/strings.h"
#include "oci/distribution.h"

namespace skiff::registry {

namespace {

// A client that has gone is nothing to report to it.
void note(const Result<>& sent) {
  if (!sent) log_debug(cat("answer not sent: ", sent.error().message()));
}

bool names_entity(std::string_view header, const std::string& etag) {
  if (header == "*") return true;
  return std::ranges::any_of(split(header, ','), [&](std::string_view item) {
    item = trim(item);
    if (item.starts_with("W/")) item.remove_prefix(2);
    return item == etag_of(etag);
  });
}

}  // namespace

content::ContentStore* Call::redeem_ticket(const oci::Digest& digest) const {
  if (context.tickets == nullptr) return nullptr;
  return context.tickets->redeem(header(oci::kTicketField), digest);
}

Answer<bool> Call::may_pull(const std::string& repository) const {
  return TRY(context.access.may(viewer, {Action::kPull, repository})) == Decision::kYes;
}

Answer<Actor> Call::actor() const {
  const access::Role role = TRY(context.access.role(viewer, need));
  return Actor{viewer.name, viewer.address, viewer.token, role};
}

Answer<> Call::reply(int status, std::string_view content_type, std::string_view body) const {
  note(writer.send(status, content_type, body));
  return {};
}

Answer<> Call::reply_json(const json::Value& body) const {
  return reply(200, "application/json", body.dump() + "\n");
}

Answer<> Call::reply_empty(int status) const { return reply(status, "", ""); }

Answer<bool> Call::not_modified(const std::string& etag) const {
  const Precondition condition{.match = TRY(entity_tags(*this, "If-Match")), .none_match = {}};
  if (!condition.holds(etag)) return condition_failed(*this);
  const std::string header_value = header("If-None-Match");
  if (header_value.empty() || !names_entity(header_value, etag)) return false;
  TRY(reply_empty(304));
  return true;
}

Answer<std::optional<EntityTags>> entity_tags(const Call& call, std::string_view field) {
  const std::vector<std::string> fields = call.request.headers.all(field);
  if (fields.empty()) return std::nullopt;
  std::optional<EntityTags> tags = parse_entity_tags(join(fields, ","));
  if (tags) return tags;
  return Refusal(kConditionInvalid, cat(field, " must be * or a list of digests in double quotes"));
}

Refusal condition_failed(const Call& call) {
  return {kPreconditionFailed,
          cat(quoted(call.reference), " is not what the request's condition names")};
}

Answer<oci::Digest> parse_digest(std::string_view text) {
  Result<oci::Digest> digest = oci::Digest::parse(text);
  if (digest) return *digest;
  return Refusal(kDigestInvalid, digest.error().message());
}

std::string etag_of(std::string_view digest) { return cat("\"", digest, "\""); }

Refusal guessed_too_often(const Error& error) {
  Refusal refusal(kTooManyRequests, error.message());
  refusal.retry_after = access::wait_told(error);
  return refusal;
}

Refusal unknown_repository(const Call& call) {
  return {kNameUnknown, cat("repository ", call.asked, " is unknown"),
          json::object({{"name", call.asked}})};
}

Answer<> hidden_repository(Call& call) { return unknown_repository(call); }

Answer<> check_version(Call& call) { return call.reply(200, "application/json", "{}"); }

}  // namespace skiff::registry
