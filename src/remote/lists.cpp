#include "remote/lists.h"

#include "base/strings.h"
#include "codec/json.h"
#include "remote/answers.h"

namespace skiff::remote {

namespace {

constexpr int kMaxPages = 1000;
constexpr size_t kMaxItems = 1'000'000;

// The target of `Link: </v2/x/tags/list?last=b>; rel="next"`, or "".
std::string next_page(const net::WebResponse& answer) {
  const std::string link = answer.headers.get("Link");
  const size_t start = link.find('<');
  const size_t end = link.find('>');
  if (start == std::string::npos || end == std::string::npos || end < start) return "";
  if (link.find("rel=\"next\"", end) == std::string::npos) return "";
  return link.substr(start + 1, end - start - 1);
}

// Hands each page to `take`, which says how many items there are so far.
Result<> read_pages(Transport& transport, Call call,
                    const std::function<Result<size_t>(const json::Value&)>& take) {
  for (int page = 0; page < kMaxPages; ++page) {
    const net::WebResponse answer = TRY(transport.send(call));
    if (answer.status != 200) return answer_error(answer, "list");
    const json::Value body = TRY(json::parse(answer.body));
    if (TRY(take(body)) > kMaxItems) break;
    const std::string next = next_page(answer);
    if (next.empty()) return {};
    const net::Url here = TRY(net::Url::parse(answer.url));
    call.target = TRY(here.resolve(next));
  }
  return Error(Code::kResourceExhausted, "the list does not end");
}

Result<std::vector<std::string>> list_names(Transport& transport, Call call,
                                            const std::string& field) {
  std::vector<std::string> names;
  TRY(read_pages(transport, std::move(call), [&](const json::Value& body) -> Result<size_t> {
    for (std::string& name : body.strings(field)) names.push_back(std::move(name));
    return names.size();
  }));
  return names;
}

Call list_call(const std::string& host, std::string target, std::string scope,
               const CancelToken& cancel) {
  Call call;
  call.host = host;
  call.target = std::move(target);
  call.scope = std::move(scope);
  call.request.cancel = cancel;
  return call;
}

}  // namespace

Result<std::vector<std::string>> list_tags(Transport& transport, const Repository& repository,
                                           const CancelToken& cancel) {
  return list_names(transport,
                    list_call(repository.host, cat("/v2/", repository.path, "/tags/list"),
                              repository.pull_scope(), cancel),
                    "tags");
}

Result<std::vector<std::string>> list_repositories(Transport& transport, const std::string& host,
                                                   const CancelToken& cancel) {
  return list_names(transport, list_call(host, "/v2/_catalog", "registry:catalog:*", cancel),
                    "repositories");
}

Result<std::vector<oci::Descriptor>> list_referrers(Transport& transport,
                                                    const Repository& repository,
                                                    const oci::Digest& subject,
                                                    const CancelToken& cancel) {
  std::vector<oci::Descriptor> found;
  Call call = list_call(repository.host, cat("/v2/", repository.path, "/referrers/", subject.str()),
                        repository.pull_scope(), cancel);
  TRY(read_pages(transport, std::move(call), [&](const json::Value& body) -> Result<size_t> {
    for (const json::Value& each : body.array("manifests")) {
      found.push_back(TRY(oci::Descriptor::from_json(each)));
    }
    return found.size();
  }));
  return found;
}

}  // namespace skiff::remote
