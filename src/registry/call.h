// Call: one request on its way through a handler, and what handlers share.
#pragma once

#include <string>

#include "content/blob_tickets.h"
#include "net/http_server.h"
#include "registry/access.h"
#include "registry/audit_writer.h"
#include "registry/blobs.h"
#include "registry/extension.h"
#include "registry/metadata.h"
#include "registry/observer.h"
#include "registry/policy_keeper.h"
#include "registry/precondition.h"
#include "registry/refusal.h"
#include "registry/upload_sessions.h"
#include "registry/upstreams.h"

namespace skiff::registry {

struct Context {
  Blobs& blobs;
  MetadataStore& metadata;
  UploadSessions& uploads;
  Authorizer& access;
  content::BlobTickets* tickets;  // nullptr for a registry without an engine beside it
  std::vector<Extension> extensions;
  std::vector<Observer*> observers;
  AuditWriter* audit = nullptr;
  PolicyKeeper* keeper = nullptr;
  Upstreams* upstreams = nullptr;  // nullptr for one that fetches from no other
  std::string server = {};         // among those of a database: its name, also after a restart
};

// Bytes of one.
inline constexpr size_t kMaxManifest = size_t{4} << 20U;
// Whether a manifest is named by its digest, not by a tag.
inline bool is_digest(std::string_view reference) { return reference.contains(':'); }

struct Call {
  const Context& context;
  net::Request& request;
  net::ResponseWriter& writer;
  std::string name;       // the repository, valid
  std::string reference;  // tag, digest or upload, as it stands in the path
  Viewer viewer;
  std::string id;                       // of the request, for logs
  std::string_view endpoint = "other";  // its name for observers
  Need need;                            // what was asked of the viewer, and granted
  // What the client calls the repository: another name than ours where an upstream has it.
  std::string asked = {};

  std::string header(std::string_view field) const { return request.headers.get(field); }
  // Whether the viewer may also pull from that repository; of "", from every one.
  Answer<bool> may_pull(const std::string& repository) const;
  // Who changes what the request names.
  Answer<Actor> actor() const;
  bool is_head() const { return request.method == "HEAD"; }
  // The store of this process that the request's ticket for the blob speaks for; nullptr without
  // a valid one. The ticket is used up.
  content::ContentStore* redeem_ticket(const oci::Digest& digest) const;
  void set(std::string_view field, std::string value) const {
    writer.headers().set(field, std::move(value));
  }
  Answer<> reply(int status, std::string_view content_type, std::string_view body) const;
  Answer<> reply_json(const json::Value& body) const;
  Answer<> reply_empty(int status) const;
  // Of a GET or HEAD of the entity `etag` (without quotes): true, and answered 304, where
  // If-None-Match names it; 412 where If-Match does not (RFC 9110, 13.2.2).
  Answer<bool> not_modified(const std::string& etag) const;
};

using Handler = Answer<> (*)(Call&);

// DIGEST_INVALID for anything else.
Answer<oci::Digest> parse_digest(std::string_view text);

// An authorizer's kResourceExhausted.
Refusal guessed_too_often(const Error& error);

// What a missing thing is told by, and one that the viewer may not see.
Refusal unknown_blob(const Call& call);
Refusal unknown_manifest(const Call& call);
Refusal unknown_repository(const Call& call);

// The digests that the condition `field` of a request names; nullopt where there is no such field.
Answer<std::optional<EntityTags>> entity_tags(const Call& call, std::string_view field);
Refusal condition_failed(const Call& call);

// Pages of all the tags of a repository, and of all that is about a manifest, in any order.
Answer<> reply_tags(Call& call, std::vector<std::string> all);
Answer<> reply_referrers(Call& call, std::vector<Referrer> all);

// "\"sha256:...\""
std::string etag_of(std::string_view digest);

Answer<> check_version(Call& call);
Answer<> issue_token(Call& call);
Answer<> get_blob(Call& call);
Answer<> delete_blob(Call& call);
Answer<> start_upload(Call& call);
Answer<> upload_status(Call& call);
Answer<> upload_chunk(Call& call);
Answer<> finish_upload(Call& call);
Answer<> cancel_upload(Call& call);
Answer<> get_manifest(Call& call);
Answer<> put_manifest(Call& call);
Answer<> delete_manifest(Call& call);
Answer<> list_history(Call& call);
Answer<> list_trash(Call& call);
Answer<> restore_manifest(Call& call);
Answer<> list_tags(Call& call);
Answer<> list_repositories(Call& call);
Answer<> list_referrers(Call& call);

// What these answer where the viewer may not see the repository: as if it did not exist, also in
// what they look for, so that the time does not tell either.
inline constexpr const char* kNoRepository = "/";  // which no name is
Answer<> hidden_blob(Call& call);
Answer<> hidden_manifest(Call& call);
Answer<> hidden_repository(Call& call);
Answer<> hidden_tags(Call& call);
Answer<> hidden_referrers(Call& call);

}  // namespace skiff::registry
