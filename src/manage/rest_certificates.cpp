// Which clients' certificates stand for which accounts.
#include <algorithm>

#include "access/certificates.h"
#include "base/strings.h"
#include "manage/rest.h"

namespace skiff::manage {

using registry::Answer;

namespace {

Answer<> list_certificates(ApiCall& call) {
  auto accounts = TRY(call.api.accounts());
  json::Array out;
  for (const access::Mark& mark : TRY(access::list_marks(*accounts))) {
    const std::string by(access::mark_name(mark.kind));
    out.push_back(json::object({{"id", cat(by, " ", mark.value)},
                                {"by", by},
                                {"value", mark.value},
                                {"account", mark.account_name}}));
  }
  std::ranges::sort(out, {}, [](const json::Value& mark) { return mark.string("id"); });
  return reply_page(call, "certificates", "id", out);
}

Answer<> add_certificate(ApiCall& call) {
  const access::MarkKind by = TRY(as_answer(access::mark_named(call.body.string("by"))));
  auto accounts = TRY(call.api.accounts());
  TRY(as_answer(
      access::add_mark(*accounts, call.body.string("account"), by, call.body.string("value"))));
  return call.http.reply_empty(204);
}

Answer<> remove_certificate(ApiCall& call) {
  const net::Query& query = call.http.request.query;
  const access::MarkKind by = TRY(as_answer(access::mark_named(query.get("by"))));
  auto accounts = TRY(call.api.accounts());
  TRY(as_answer(access::remove_mark(*accounts, by, query.get("value"))));
  return call.http.reply_empty(204);
}

constexpr ApiRoute kCertificateRoutes[] = {
    {"GET", "/certificates", "", list_certificates},
    {"POST", "/certificates", "account! by! value!", add_certificate},
    {"DELETE", "/certificates", "", remove_certificate},
};

}  // namespace

std::span<const ApiRoute> certificate_routes() { return kCertificateRoutes; }

}  // namespace skiff::manage
