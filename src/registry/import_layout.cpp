#include "registry/import_layout.h"

#include <fcntl.h>

#include <algorithm>

#include "base/io.h"
#include "base/strings.h"
#include "oci/reference.h"

namespace skiff::registry {

namespace {

constexpr size_t kLongestLink = 256;

// Names of the directories in it, sorted; others are told. None where it is missing.
Result<std::vector<std::string>> directories(const Path& directory, const ProblemSink& report) {
  std::vector<std::string> out;
  std::error_code error;
  std::filesystem::directory_iterator list(directory, error);
  if (error == std::errc::no_such_file_or_directory) return out;
  for (; !error && list != std::filesystem::directory_iterator(); list.increment(error)) {
    std::error_code gone;
    if (list->symlink_status(gone).type() == std::filesystem::file_type::directory) {
      out.push_back(list->path().filename().native());
    } else {
      report({.what = "a file that belongs to no registry is left out",
              .where = list->path().native(),
              .remedy = "nothing needs it"});
    }
  }
  if (error) return Error::from_errno(error.value(), cat("list ", directory.native()));
  std::ranges::sort(out);
  return out;
}

Result<UniqueFd> open_plain(const Path& file) {
  return open_file(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
}

Result<std::string> read_plain(const Path& file, size_t limit) {
  const UniqueFd fd = TRY(open_plain(file));
  FdSource source(fd.get());
  return TRY_CONTEXT(read_all(source, limit), file.native());
}

}  // namespace

Result<DistributionTree> DistributionTree::open(const Path& tree) {
  std::error_code error;
  for (const Path& root : {tree / "docker/registry/v2", tree}) {
    if (std::filesystem::is_directory(root / "repositories", error)) return DistributionTree(root);
  }
  return Error(
      Code::kNotFound,
      cat(tree.native(), " is no tree of a registry: it has no docker/registry/v2/repositories"));
}

Result<std::vector<std::string>> DistributionTree::repositories(const ProblemSink& report) const {
  std::vector<std::string> out;
  TRY(find_repositories("", report, out));
  std::ranges::sort(out);
  return out;
}

Result<> DistributionTree::find_repositories(const std::string& below, const ProblemSink& report,
                                             std::vector<std::string>& out) const {
  for (const std::string& part : TRY(directories(repository(below), report))) {
    if (part == "_manifests") out.push_back(below);
    if (part.starts_with("_")) continue;
    const std::string name = below.empty() ? part : cat(below, "/", part);
    if (oci::valid_repository_path(name)) {
      TRY(find_repositories(name, report, out));
    } else {
      report({.what = cat("repository ", quoted(name), " is left out: the name is not valid"),
              .where = repository(name).native(),
              .remedy = "copy its images to another name"});
    }
  }
  return {};
}

Result<std::vector<oci::Digest>> DistributionTree::revisions(const std::string& name,
                                                             const ProblemSink& report) const {
  std::vector<oci::Digest> out;
  const Path all = repository(name) / "_manifests/revisions";
  for (const std::string& algorithm : TRY(directories(all, report))) {
    for (const std::string& hex : TRY(directories(all / algorithm, report))) {
      const auto digest = oci::Digest::parse(cat(algorithm, ":", hex));
      if (!digest) {
        report({.what = cat(name, ": a manifest is left out: ", digest.error().message()),
                .where = (all / algorithm / hex).native(),
                .remedy = "nothing names it"});
      } else if (has_revision(name, *digest)) {  // else it was deleted
        out.push_back(*digest);
      }
    }
  }
  return out;
}

bool DistributionTree::has_revision(const std::string& name, const oci::Digest& digest) const {
  std::error_code error;
  return std::filesystem::exists(
      repository(name) / "_manifests/revisions" / digest.algorithm_name() / digest.hex() / "link",
      error);
}

Result<std::vector<std::pair<std::string, oci::Digest>>> DistributionTree::tags(
    const std::string& name, const ProblemSink& report) const {
  std::vector<std::pair<std::string, oci::Digest>> out;
  const Path all = repository(name) / "_manifests/tags";
  for (const std::string& tag : TRY(directories(all, report))) {
    const Path link = all / tag / "current/link";
    const auto text = read_plain(link, kLongestLink);
    if (!text && text.error().code() == Code::kNotFound) continue;  // deleted
    const auto digest = oci::Digest::parse(text.value_or(""));
    if (!digest || !oci::valid_tag(tag)) {
      report({.what = cat(name, ": tag ", quoted(tag), " is left out: ",
                          oci::valid_tag(tag) ? "it names no digest" : "the name is not valid"),
              .where = link.native(),
              .remedy = "push it from a client that has it"});
      continue;
    }
    out.emplace_back(tag, *digest);
  }
  return out;
}

Result<UniqueFd> DistributionTree::open_blob(const oci::Digest& digest) const {
  return open_plain(root_ / "blobs" / digest.algorithm_name() / digest.hex().substr(0, 2) /
                    digest.hex() / "data");
}

Result<std::string> DistributionTree::read_blob(const oci::Digest& digest, size_t limit) const {
  const UniqueFd file = TRY(open_blob(digest));
  FdSource source(file.get());
  std::string bytes = TRY(read_all(source, limit));
  const oci::Digest actual = oci::Digest::of(bytes, digest.algorithm());
  if (actual == digest) return bytes;
  return Error(Code::kDataLoss, cat("it is damaged: its content is ", actual.str()));
}

}  // namespace skiff::registry
