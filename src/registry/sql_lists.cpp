// Lists in pages: tags, repositories, referrers. Each page is one walk along an index.
#include "base/strings.h"
#include "codec/json.h"
#include "db/texts.h"
#include "registry/sql_metadata.h"

namespace skiff::registry {

namespace {

// Of a descriptor in JSON, beside its types and annotations: names, digest, size, punctuation.
constexpr size_t kDescriptorBytes = 300;

}  // namespace

Result<std::optional<std::vector<std::string>>> SqlMetadata::tags(const std::string& repository,
                                                                  const Page& page) {
  Pool<Database>::Lease db = readers_.take();
  std::optional<std::vector<std::string>> names;
  const std::optional<int64_t> id = TRY(repository_id(*db, repository));
  if (!id) return names;
  Statement rows = TRY(db->prepare(kTagPage, *id, to_lower(page.last), page.last, page.limit));
  names.emplace();
  while (TRY(rows.step())) names->push_back(rows.text(0));
  return names;
}

Result<std::vector<std::string>> SqlMetadata::repositories(const std::string& from, size_t limit) {
  Pool<Database>::Lease db = readers_.take();
  Statement rows =
      TRY(db->prepare("SELECT name FROM repository WHERE name >= ? AND EXISTS"
                      " (SELECT 1 FROM manifest WHERE repository = repository.id)"
                      " ORDER BY name LIMIT ?",
                      from, limit));
  return texts(std::move(rows));
}

Result<ReferrerPage> SqlMetadata::referrers(const std::string& repository,
                                            const oci::Digest& subject,
                                            const std::string& artifact_type, const Page& page,
                                            size_t bytes) {
  Pool<Database>::Lease db = readers_.take();
  Statement rows = TRY(
      db->prepare("SELECT manifest.digest, media_type, length(bytes), artifact_type, annotations"
                  " FROM repository JOIN manifest ON manifest.repository = repository.id"
                  " WHERE name = ?1 AND subject = ?2 AND manifest.digest > ?3"
                  " AND (?4 = '' OR artifact_type = ?4) ORDER BY manifest.digest LIMIT ?5",
                  repository, subject.str(), page.last, artifact_type, page.limit + 1));
  ReferrerPage out;
  size_t used = 0;
  while (TRY(rows.step())) {
    const std::string annotations = rows.text(4);
    used += kDescriptorBytes + annotations.size() + rows.text(1).size() + rows.text(3).size();
    out.more = out.items.size() == page.limit || (used > bytes && !out.items.empty());
    if (out.more) return out;
    Referrer& referrer = out.items.emplace_back();
    referrer.digest = rows.text(0);
    referrer.media_type = rows.text(1);
    referrer.size = static_cast<uint64_t>(rows.integer(2));
    referrer.artifact_type = rows.text(3);
    const json::Value parsed = TRY(json::parse(annotations));
    for (const auto& [key, value] : parsed.as_object()) {
      referrer.annotations.emplace(key, value.as_string());
    }
  }
  return out;
}

}  // namespace skiff::registry
