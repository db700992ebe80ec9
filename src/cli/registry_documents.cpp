#include "cli/registry_documents.h"

#include "base/strings.h"
#include "codec/base64.h"
#include "oci/manifest.h"
#include "oci/platform.h"

namespace skiff::cli {

namespace {

std::string target_of(const oci::Reference& name, Insecure insecure) {
  net::Query query;
  query.add("name", name.str());
  if (insecure == Insecure::kYes) query.add("insecure", "1");
  return cat("/skiff/manifest?", query.str());
}

Result<json::Value> call(Session& session, net::ClientRequest request) {
  request.headers.set("X-Registry-Config", session.config.all_auths_header());
  const auto response = TRY(session.api.send(request));
  constexpr size_t kMostAnswer = size_t{32} << 20U;
  return json::parse(TRY(read_all(*response.body, kMostAnswer)));
}

}  // namespace

bool RegistryDocument::is_index() const { return oci::is_index_type(media_type()); }

Result<RegistryDocument> fetch_document(Session& session, const oci::Reference& name,
                                        Insecure insecure) {
  net::ClientRequest request;
  request.target = target_of(name, insecure);
  const json::Value answer = TRY(call(session, std::move(request)));
  RegistryDocument out;
  if (const json::Value* descriptor = answer.find("Descriptor")) out.descriptor = *descriptor;
  out.raw = TRY(base64_decode(answer.string("Manifest")));
  out.config = TRY(base64_decode(answer.string("Config")));
  return out;
}

Result<json::Array> fetch_statements(Session& session, const oci::Reference& name) {
  net::ClientRequest request;
  request.target = cat(target_of(name, Insecure::kNo), "&statements=1");
  return TRY(call(session, std::move(request))).array("Statements");
}

Result<std::string> push_document(Session& session, const oci::Reference& name,
                                  const std::string& media_type, const std::string& raw,
                                  const std::map<std::string, oci::Reference>& sources,
                                  Insecure insecure) {
  json::Object from;
  for (const auto& [digest, source] : sources) from.set(digest, source.str());
  net::ClientRequest request;
  request.method = "POST";
  request.target = target_of(name, insecure);
  request.headers.set("Content-Type", "application/json");
  request.body = json::object({{"MediaType", media_type},
                               {"Manifest", base64_encode(raw)},
                               {"Sources", json::Value(std::move(from))}})
                     .dump();
  return TRY(call(session, std::move(request))).require_string("Digest");
}

std::string platform_text(const json::Value& descriptor) {
  const json::Value* platform = descriptor.find("platform");
  return platform == nullptr ? "" : oci::Platform::from_json(*platform).str();
}

}  // namespace skiff::cli
