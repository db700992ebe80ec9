// Lists: tags, repositories, referrers (distribution-spec, Listing Tags, Listing Referrers).
// Each comes in pages; a Link header names the next one (RFC 5988).
#include <algorithm>

#include "base/strings.h"
#include "oci/manifest.h"
#include "registry/call.h"

namespace skiff::registry {

namespace {

constexpr size_t kMaxTags = 1'000;
constexpr size_t kMaxRepositories = 1'000;
constexpr size_t kMaxReferrers = 1'000;
// Clients read no more of an index, and no page takes more memory.
constexpr size_t kReferrerBytes = (size_t{4} << 20U) - 1'000;

// `n` and `last` of the query, `n` at most `max`.
Answer<Page> requested_page(const Call& call, size_t max) {
  Page page{call.request.query.get("last"), max};
  if (!call.request.query.has("n")) return page;
  const std::string text = call.request.query.get("n");
  const auto n = parse_uint(text);
  if (!n) return Refusal(kNumberInvalid, cat("n must be a whole number, not ", quoted(text)));
  page.limit = std::min<size_t>(*n, max);
  return page;
}

// One item more than the page holds, to see whether another page follows.
Page with_one_more(Page page) {
  if (page.limit > 0) ++page.limit;
  return page;
}

// A media type has no blank: one that stands there was a + that the client did not encode.
std::string wanted_type(const Call& call) {
  std::string type = call.request.query.get("artifactType");
  std::ranges::replace(type, ' ', '+');
  return type;
}

// Names the next page, which begins after `last`.
void link_next(const Call& call, const Page& page, const std::string& last) {
  net::Query query;
  query.add("n", cat(page.limit)).add("last", last);
  if (std::string type = wanted_type(call); !type.empty()) query.add("artifactType", type);
  if (std::string space = call.request.query.get("ns"); !space.empty()) query.add("ns", space);
  call.set("Link", cat("<", call.request.path, "?", query.str(), ">; rel=\"next\""));
}

// Cuts `names` to the page.
void end_page(const Call& call, std::vector<std::string>& names, const Page& page) {
  if (names.size() <= page.limit) return;
  names.resize(page.limit);
  link_next(call, page, names.back());
}

json::Value describe(const Referrer& referrer) {
  json::Value out = json::object(
      {{"mediaType", referrer.media_type}, {"digest", referrer.digest}, {"size", referrer.size}});
  if (!referrer.annotations.empty()) out.set("annotations", referrer.annotations);
  if (!referrer.artifact_type.empty()) out.set("artifactType", referrer.artifact_type);
  return out;
}

Answer<> reply_page(Call& call, const Page& page, const ReferrerPage& found) {
  if (found.more && !found.items.empty()) link_next(call, page, found.items.back().digest);
  json::Array manifests;
  for (const Referrer& referrer : found.items) manifests.push_back(describe(referrer));
  if (!wanted_type(call).empty()) {
    call.set("OCI-Filters-Applied", "artifactType");
  }
  const json::Value index = json::object({{"schemaVersion", 2},
                                          {"mediaType", std::string(oci::kMediaTypeIndex)},
                                          {"manifests", std::move(manifests)}});
  return call.reply(200, oci::kMediaTypeIndex, index.dump());
}

}  // namespace

Answer<> list_tags(Call& call) {
  const Page page = TRY(requested_page(call, kMaxTags));
  auto tags = TRY(call.context.metadata.tags(call.name, with_one_more(page)));
  if (!tags) return unknown_repository(call);
  end_page(call, *tags, page);
  return call.reply_json(json::object({{"name", call.asked}, {"tags", *tags}}));
}

Answer<> hidden_tags(Call& call) {
  const Page page = TRY(requested_page(call, kMaxTags));
  TRY(call.context.metadata.tags(kNoRepository, with_one_more(page)));
  return unknown_repository(call);
}

Answer<> list_repositories(Call& call) {
  const Page page = TRY(requested_page(call, kMaxRepositories));
  const access::VisibleNames visible = TRY(call.context.access.visible(call.viewer));
  std::vector<std::string> names = TRY(
      visible.take(page.last, with_one_more(page).limit,
                   [&](const std::string& from, size_t limit) -> Result<std::vector<std::string>> {
                     return call.context.metadata.repositories(from, limit);
                   }));
  end_page(call, names, page);
  return call.reply_json(json::object({{"repositories", names}}));
}

Answer<> list_referrers(Call& call) {
  const oci::Digest subject = TRY(parse_digest(call.reference));
  const Page page = TRY(requested_page(call, kMaxReferrers));
  const std::string type = wanted_type(call);
  return reply_page(
      call, page,
      TRY(call.context.metadata.referrers(call.name, subject, type, page, kReferrerBytes)));
}

Answer<> hidden_referrers(Call& call) {
  const oci::Digest subject = TRY(parse_digest(call.reference));
  const Page page = TRY(requested_page(call, kMaxReferrers));
  return reply_page(
      call, page,
      TRY(call.context.metadata.referrers(kNoRepository, subject, "", page, kReferrerBytes)));
}

Answer<> reply_tags(Call& call, std::vector<std::string> all) {
  const Page page = TRY(requested_page(call, kMaxTags));
  const auto key = [](const std::string& tag) { return std::pair(to_lower(tag), tag); };
  std::ranges::sort(all, {}, key);
  if (!page.last.empty()) {
    all.erase(all.begin(), std::ranges::upper_bound(all, key(page.last), {}, key));
  }
  if (page.limit == 0) all.clear();
  end_page(call, all, page);
  return call.reply_json(json::object({{"name", call.asked}, {"tags", all}}));
}

Answer<> reply_referrers(Call& call, std::vector<Referrer> all) {
  const Page page = TRY(requested_page(call, kMaxReferrers));
  const std::string type = wanted_type(call);
  std::erase_if(all, [&](const Referrer& each) {
    return each.digest <= page.last || (!type.empty() && each.artifact_type != type);
  });
  std::ranges::sort(all, {}, &Referrer::digest);
  ReferrerPage found;
  size_t bytes = 0;
  for (Referrer& each : all) {
    found.more = found.items.size() == page.limit || bytes > kReferrerBytes;
    if (found.more) break;
    bytes += describe(each).dump().size();
    found.items.push_back(std::move(each));
  }
  return reply_page(call, page, found);
}

}  // namespace skiff::registry
