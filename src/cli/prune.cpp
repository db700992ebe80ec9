#include "cli/prune.h"

#include "base/strings.h"
#include "cli/table.h"

namespace skiff::cli {

namespace {

Result<json::Value> post_prune(Session& session, std::string_view path, const FilterList& filters,
                               net::Query query = {}) {
  std::string text = TRY(filters_parameter(filters));
  if (!text.empty()) query.add("filters", text);
  std::string parameters = query.str();
  return session.api.post(cat(path, parameters.empty() ? "" : "?", parameters));
}

Pruned listed(std::string_view heading, const std::vector<std::string>& names,
              const json::Value& answer) {
  Pruned out;
  if (!names.empty()) out.deleted = cat(heading, "\n", join(names, "\n"), "\n");
  out.bytes = answer.integer("SpaceReclaimed");
  return out;
}

}  // namespace

std::string Pruned::report() const {
  return cat(deleted, deleted.empty() ? "" : "\n",
             "Total reclaimed space: ", human_size(static_cast<double>(bytes), 4), "\n");
}

Result<Pruned> prune_containers(Session& session, const FilterList& filters) {
  json::Value answer = TRY(post_prune(session, "/containers/prune", filters));
  return listed("Deleted Containers:", answer.strings("ContainersDeleted"), answer);
}

Result<Pruned> prune_networks(Session& session, const FilterList& filters) {
  json::Value answer = TRY(post_prune(session, "/networks/prune", filters));
  return listed("Deleted Networks:", answer.strings("NetworksDeleted"), answer);
}

Result<Pruned> prune_volumes(Session& session, const FilterList& filters) {
  json::Value answer = TRY(post_prune(session, "/volumes/prune", filters));
  return listed("Deleted Volumes:", answer.strings("VolumesDeleted"), answer);
}

Result<Pruned> prune_images(Session& session, FilterList filters, bool all) {
  filters.emplace_back(all ? "dangling=false" : "dangling=true");
  json::Value answer = TRY(post_prune(session, "/images/prune", filters));
  std::vector<std::string> lines;
  for (const auto& item : answer.array("ImagesDeleted")) {
    if (auto name = item.string("Untagged"); !name.empty()) lines.push_back("untagged: " + name);
    if (auto id = item.string("Deleted"); !id.empty()) lines.push_back("deleted: " + id);
  }
  return listed("Deleted Images:", lines, answer);
}

Result<Pruned> prune_build_cache(Session& session, const FilterList& filters, bool all,
                                 const net::Query& sizes) {
  net::Query query = sizes;
  if (all) query.add("all", "1");
  json::Value answer = TRY(post_prune(session, "/build/prune", filters, std::move(query)));
  return listed("Deleted build cache objects:", answer.strings("CachesDeleted"), answer);
}

}  // namespace skiff::cli
