#include "cli/layout_index.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/strings.h"
#include "codec/json.h"

namespace skiff::cli {

namespace {

constexpr std::string_view kRefName = "org.opencontainers.image.ref.name";

Result<std::optional<json::Value>> read_document(const Path& path) {
  auto text = read_file(path);
  if (!text && text.error().code() == Code::kNotFound) return std::optional<json::Value>();
  if (!text) return std::move(text.error());
  return std::optional(TRY_CONTEXT(json::parse(*text), path.native()));
}

std::string name_of(const json::Value& entry) {
  const json::Value* annotations = entry.find("annotations");
  return annotations == nullptr ? "" : annotations->string(kRefName);
}

// Of an index's entries.
bool gives_way(const json::Value& old, const json::Value& fresh) {
  if (name_of(old) != name_of(fresh)) return false;
  return !name_of(old).empty() || old.string("digest") == fresh.string("digest");
}

json::Array joined_entries(const json::Array& before, const json::Array& fresh) {
  json::Array out;
  for (const json::Value& old : before) {
    const auto takes_its_place = [&](const json::Value& one) { return gives_way(old, one); };
    if (std::ranges::none_of(fresh, takes_its_place)) out.push_back(old);
  }
  for (const json::Value& one : fresh) out.push_back(one);
  return out;
}

// Docker's manifest.json: a tag is of one image.
json::Array joined_archive(const json::Array& before, const json::Array& fresh) {
  std::set<std::string> taken;
  std::set<std::string> configs;
  for (const json::Value& one : fresh) {
    for (const std::string& tag : one.strings("RepoTags")) taken.insert(tag);
    configs.insert(one.string("Config"));
  }
  json::Array out;
  for (json::Value old : before) {
    if (configs.contains(old.string("Config"))) continue;
    std::vector<std::string> tags = old.strings("RepoTags");
    std::erase_if(tags, [&](const std::string& tag) { return taken.contains(tag); });
    old.set("RepoTags", tags);
    out.push_back(std::move(old));
  }
  for (const json::Value& one : fresh) out.push_back(one);
  return out;
}

}  // namespace

Result<> join_indexes(const Path& fresh, const Path& there) {
  auto index = TRY(read_document(there / "index.json"));
  const auto own = TRY(read_document(fresh / "index.json"));
  if (index && own) {
    index->set("manifests",
               json::Value(joined_entries(index->array("manifests"), own->array("manifests"))));
    TRY(write_file(fresh / "index.json", index->dump()));
  }
  const auto archive = TRY(read_document(there / "manifest.json"));
  const auto own_archive = TRY(read_document(fresh / "manifest.json"));
  if (!archive || !own_archive) return {};
  const json::Array all = joined_archive(archive->as_array(), own_archive->as_array());
  return write_file(fresh / "manifest.json", json::Value(all).dump());
}

}  // namespace skiff::cli
