#include "runtime/criu.h"

#include <sys/stat.h>

#include "base/strings.h"
#include "runtime/rootfs_sources.h"
#include "sys/process.h"

namespace skiff::runtime {

namespace {

constexpr size_t kLogLimit = size_t{16} << 20U;
constexpr size_t kMostErrors = 4;

std::string log_name(const std::string& action) { return action + ".log"; }

std::string clean(const std::string& destination) {
  return (Path("/") / destination).lexically_normal().native();
}

class Externals {
 public:
  explicit Externals(bool restore) : restore_(restore) {}
  void add(const std::string& place, const std::string& source) {
    words_.emplace_back("--external");
    words_.push_back(cat("mnt[", place, "]:", restore_ ? source : place));
  }
  std::vector<std::string> take() { return std::move(words_); }

 private:
  bool restore_;
  std::vector<std::string> words_;
};

}  // namespace

std::vector<std::string> masked_files(const OciConfig& config, const sys::RootDir& root) {
  std::vector<std::string> files;
  for (const std::string& path : config.masked_paths) {
    Result<struct stat> st = root.stat(path);
    if (st && !S_ISDIR(st->st_mode)) files.push_back(clean(path));
  }
  return files;
}

std::vector<std::string> external_mounts(const OciConfig& config, const sys::Cgroup& cgroup,
                                         const std::vector<std::string>& masked, bool restore) {
  Externals externals(restore);
  for (const OciMount& mount : config.mounts) {
    const std::string place = clean(mount.destination);
    if (is_bind(mount)) externals.add(place, mount.source);
    if (!is_cgroup(mount)) continue;
    for (const sys::Cgroup::Member& member : cgroup.members()) {
      std::string below = cgroup.v2() ? "" : cat("/", member.mount.filename().native());
      externals.add(place + below, member.directory.native());
    }
  }
  for (const std::string& path : masked) externals.add(path, "/dev/null");
  return externals.take();
}

std::vector<std::string> criu_command(const CheckpointOptions& options, const std::string& action) {
  std::vector<std::string> words{options.criu,   action,
                                 "--images-dir", options.images.native(),
                                 "--work-dir",   options.work.native(),
                                 "--log-file",   log_name(action),
                                 "-v4"};
  words.insert(words.end(), options.words.begin(), options.words.end());
  return words;
}

Result<> check_images(const CheckpointOptions& options, const std::string& action) {
  std::vector<Path> wanted{options.work / log_name(action)};
  // A pre-dump is memory alone, which a page server may have.
  if (action == "dump") {
    wanted.push_back(options.images / "inventory.img");
    wanted.push_back(options.images / "pstree.img");
  }
  for (const Path& file : wanted) {
    struct stat st{};
    if (::lstat(file.c_str(), &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) continue;
    return Error(Code::kDataLoss, cat("criu ", action, " says that it is done, and ", file.native(),
                                      " is ", S_ISREG(st.st_mode) ? "empty" : "not there"));
  }
  return {};
}

Error criu_failure(const CheckpointOptions& options, const std::string& action, int code) {
  Path log = options.work / log_name(action);
  Result<std::string> text = read_file(log, kLogLimit);
  std::vector<std::string> errors;
  for (const std::string& line : split(text ? *text : "", '\n')) {
    // "(00.026997) Error (criu/crtools.c:260): what happened"
    size_t at = line.find("Error (");
    if (at == std::string::npos) continue;
    if (errors.size() == kMostErrors) errors.erase(errors.begin());
    auto parts = split_once(std::string_view(line).substr(at), ' ');
    auto told = parts ? split_once(parts->second, ' ') : std::nullopt;
    errors.emplace_back(told ? told->second : std::string_view(line));
  }
  return {Code::kInternal,
          cat("criu ", action, " ended with ", code, ": ",
              errors.empty() ? "it names no error" : join(errors, "; "), " (", log.native(), ")")};
}

}  // namespace skiff::runtime
