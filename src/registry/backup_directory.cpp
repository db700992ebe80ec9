#include "registry/backup_directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/strings.h"
#include "codec/json.h"
#include "content/file_digest.h"

namespace skiff::registry::backup {

namespace {

constexpr int kFormat = 1;
constexpr int64_t kPage = 1'000;
constexpr std::string_view kPrefix = "snapshot-";

// A name alone: what is restored stays below its root.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

}  // namespace

std::string Description::text() const {
  json::Array listed;
  for (const SnapshotFile& file : files) {
    listed.push_back(json::object({{"name", file.name},
                                   {"mode", static_cast<int64_t>(file.mode)},
                                   {"size", file.size},
                                   {"digest", file.digest}}));
  }
  return json::object({{"format", kFormat},
                       {"created", created},
                       {"version", version},
                       {"registry", registry},
                       {"blobs", blobs},
                       {"bytes", bytes},
                       {"elsewhere", elsewhere},
                       {"files", std::move(listed)},
                       {"damaged", damaged}})
      .pretty();
}

Result<Description> Description::parse(const std::string& text) {
  const json::Value read = TRY(json::parse(text));
  if (read.integer("format") != kFormat) {
    return Error(Code::kFailedPrecondition,
                 cat("format ", read.integer("format"), ": this program knows ", kFormat));
  }
  Description out{.created = read.string("created"),
                  .version = read.string("version"),
                  .registry = read.string("registry"),
                  .blobs = static_cast<uint64_t>(read.integer("blobs")),
                  .bytes = static_cast<uint64_t>(read.integer("bytes")),
                  .elsewhere = static_cast<uint64_t>(read.integer("elsewhere")),
                  .damaged = read.strings("damaged")};
  for (const json::Value& file : read.array("files")) {
    out.files.push_back({.name = file.string("name"),
                         .mode = static_cast<mode_t>(file.integer("mode")) & 0777U,
                         .size = static_cast<uint64_t>(file.integer("size")),
                         .digest = file.string("digest")});
    if (!is_plain_name(out.files.back().name)) {
      return Error(Code::kDataLoss, cat("no name of a file: ", quoted(out.files.back().name)));
    }
  }
  return out;
}

Result<std::vector<std::string>> snapshots(const Path& directory) {
  std::vector<std::string> out;
  std::error_code error;
  std::filesystem::directory_iterator list(directory, error);
  for (; !error && list != std::filesystem::directory_iterator(); list.increment(error)) {
    std::string name = list->path().filename().native();
    if (name.starts_with(kPrefix)) out.push_back(std::move(name));
  }
  if (error) return Error::from_errno(error.value(), cat("list ", directory.native()));
  // By number, also once they take more digits.
  std::ranges::sort(out, {}, [](const std::string& name) { return std::pair(name.size(), name); });
  return out;
}

Result<> each_blob(Database& registry,
                   const std::function<Result<>(const oci::Digest&, uint64_t size)>& visit) {
  std::string after;
  for (;;) {
    std::vector<std::pair<oci::Digest, uint64_t>> page;
    bool more = false;
    {
      Statement rows =
          TRY(registry.prepare("SELECT digest, size FROM blob WHERE state = 'stored' AND place = ''"
                               " AND digest > ? ORDER BY digest LIMIT ?",
                               after, kPage));
      for (; TRY(rows.step()); more = true) {
        after = rows.text(0);
        // A record without a digest is what a check tells of.
        if (auto digest = oci::Digest::parse(after)) {
          page.emplace_back(*digest, static_cast<uint64_t>(rows.integer(1)));
        }
      }
    }
    if (!more) return {};
    for (const auto& [digest, size] : page) TRY(visit(digest, size));
  }
}

Result<std::string> file_digest(const Path& file) {
  const UniqueFd fd = TRY(open_file(file, O_RDONLY));
  return TRY_CONTEXT(content::digest_on_disk(fd.get(), HashAlgorithm::kSha256, 0, {}),
                     file.native())
      .str();
}

Result<> sync_all(const Path& directory) {
  const UniqueFd fd = TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
  if (::syncfs(fd.get()) == 0) return {};
  return Error::from_errno(errno, cat("sync ", directory.native()));
}

}  // namespace skiff::registry::backup
