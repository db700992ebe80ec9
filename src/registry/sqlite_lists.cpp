// Lists in pages: tags, repositories, referrers. Each page is one walk along an index.
#include "registry/sqlite_metadata.h"

namespace skiff::registry {

Result<std::optional<std::vector<std::string>>> SqliteMetadata::tags(const std::string& repository,
                                                                     const Page& page) {
  ReaderPool::Reader db = readers_.take();
  std::optional<std::vector<std::string>> names;
  const std::optional<int64_t> id = TRY(repository_id(*db, repository));
  if (!id) return names;
  Statement rows = TRY(db->prepare(kTagPage, *id, page.last, page.limit));
  names.emplace();
  while (TRY(rows.step())) names->push_back(rows.text(0));
  return names;
}

Result<std::vector<std::string>> SqliteMetadata::repositories(const Page& page) {
  ReaderPool::Reader db = readers_.take();
  Statement rows =
      TRY(db->prepare("SELECT name FROM repository WHERE name > ? AND EXISTS"
                      " (SELECT 1 FROM manifest WHERE repository = repository.id)"
                      " ORDER BY name LIMIT ?",
                      page.last, page.limit));
  std::vector<std::string> names;
  while (TRY(rows.step())) names.push_back(rows.text(0));
  return names;
}

Result<std::vector<Referrer>> SqliteMetadata::referrers(const std::string& repository,
                                                        const oci::Digest& subject,
                                                        const std::string& artifact_type,
                                                        const Page& page) {
  ReaderPool::Reader db = readers_.take();
  Statement rows = TRY(
      db->prepare("SELECT manifest.digest, media_type, length(bytes), artifact_type, annotations"
                  " FROM repository JOIN manifest ON manifest.repository = repository.id"
                  " WHERE name = ?1 AND subject = ?2 AND manifest.digest > ?3"
                  " AND (?4 = '' OR artifact_type = ?4) ORDER BY manifest.digest LIMIT ?5",
                  repository, subject.str(), page.last, artifact_type, page.limit));
  std::vector<Referrer> out;
  while (TRY(rows.step())) {
    json::Value annotations = TRY(json::parse(rows.text(4)));
    Referrer& referrer = out.emplace_back();
    referrer.digest = rows.text(0);
    referrer.media_type = rows.text(1);
    referrer.size = static_cast<uint64_t>(rows.integer(2));
    referrer.artifact_type = rows.text(3);
    for (const auto& [key, value] : annotations.as_object()) {
      referrer.annotations.emplace(key, value.as_string());
    }
  }
  return out;
}

}  // namespace skiff::registry
