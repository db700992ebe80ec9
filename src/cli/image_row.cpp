#include "cli/image_row.h"

#include "base/strings.h"
#include "cli/table.h"

namespace skiff::cli {

namespace {

constexpr std::string_view kNoneText = "<none>";

struct Name {
  std::string repository = std::string(kNoneText);
  std::string tag = std::string(kNoneText);
  std::string digest = std::string(kNoneText);
};

std::string digest_in(const std::vector<std::string>& digests, std::string_view repository) {
  for (const auto& text : digests) {
    auto parts = split_once(text, '@');
    if (parts && parts->first == repository) return std::string(parts->second);
  }
  return std::string(kNoneText);
}

std::vector<Name> names_of(const json::Value& image) {
  std::vector<std::string> digests = image.strings("RepoDigests");
  std::vector<Name> names;
  for (const auto& text : image.strings("RepoTags")) {
    auto parts = split_last(text, ':');
    if (!parts) continue;
    names.push_back(
        {std::string(parts->first), std::string(parts->second), digest_in(digests, parts->first)});
  }
  if (!names.empty()) return names;
  for (const auto& text : digests) {
    auto parts = split_once(text, '@');
    if (parts)
      names.push_back(
          {std::string(parts->first), std::string(kNoneText), std::string(parts->second)});
  }
  if (names.empty()) names.emplace_back();
  return names;
}

}  // namespace

std::vector<json::Value> image_rows(const json::Value& image, bool truncate) {
  std::vector<json::Value> rows;
  int64_t created = image.integer("Created");
  std::string id = image.string("Id");
  int64_t containers = image.integer("Containers");
  for (const Name& name : names_of(image)) {
    rows.push_back(
        json::object({{"Containers", containers < 0 ? "N/A" : cat(containers)},
                      {"CreatedAt", local_time(created)},
                      {"CreatedSince", age(created)},
                      {"Digest", name.digest},
                      {"ID", truncate ? short_id(id) : id},
                      {"Repository", name.repository},
                      {"SharedSize", "N/A"},
                      {"Size", human_size(static_cast<double>(image.integer("Size")))},
                      {"Tag", name.tag},
                      {"UniqueSize", "N/A"},
                      {"VirtualSize", human_size(static_cast<double>(image.integer("Size")), 4)}}));
  }
  return rows;
}

}  // namespace skiff::cli
