// Files: a container's file tree from outside, running or not: `docker cp`, diff, export
// and commit. Every path is resolved by sys::RootDir inside the container's root, with its
// volumes and binds in place; nothing of the container is ever executed.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/cancellation.h"
#include "base/clock.h"
#include "base/io.h"
#include "oci/image_config.h"
#include "oci/reference.h"
#include "snapshot/snapshotter.h"

namespace skiff::engine {

// X-Docker-Container-Path-Stat (engine-api.md 2.4, point 21).
struct PathStat {
  std::string name;
  int64_t size = 0;
  uint32_t mode = 0;  // in Go's os.FileMode bits
  TimePoint mtime;
  std::string link_target;
};

struct ArchivePutOptions {
  bool no_overwrite_dir_non_dir = false;
  bool copy_uid_gid = false;  // entries get the owner of the container's user
};

struct CommitOptions {
  std::optional<oci::Reference> name;
  std::string author;
  std::string comment;
  bool pause = true;
  // The whole new configuration where the client sent one, before `changes`.
  std::optional<oci::RunConfig> config;
  std::vector<std::string> changes;  // Dockerfile instructions, "CMD [\"sh\"]"
};

class Files {
 public:
  virtual ~Files() = default;

  // kNotFound: "Could not find the file PATH in container NAME".
  virtual Result<PathStat> stat_path(const std::string& container, const std::string& path) = 0;
  // A tar of `path`, its top entry named by its base name ("/x/." means the contents).
  // `begin` is called once, before the first byte, with the path's stat.
  virtual Result<> get_archive(const std::string& container, const std::string& path, Sink& tar,
                               const std::function<Result<>(const PathStat&)>& begin,
                               const CancelToken& cancel) = 0;
  // Extracts into the directory `path`: missing kNotFound, no directory kInvalidArgument,
  // read-only kPermissionDenied. Of an archive that is refused nothing is written, unless it is
  // longer than 256 MiB, or writing itself fails.
  virtual Result<> put_archive(const std::string& container, const std::string& path, Source& tar,
                               const ArchivePutOptions& options) = 0;
  virtual Result<std::vector<snapshot::Change>> changes(const std::string& container) = 0;
  // The whole tree without volumes.
  virtual Result<> export_tree(const std::string& container, Sink& tar,
                               const CancelToken& cancel) = 0;
  // Returns the new image's id.
  virtual Result<std::string> commit(const std::string& container, const CommitOptions& options,
                                     const CancelToken& cancel) = 0;
};

// Applies Dockerfile-like instructions (CMD ENTRYPOINT ENV EXPOSE LABEL ONBUILD USER VOLUME
// WORKDIR STOPSIGNAL HEALTHCHECK) to a configuration: `commit --change`, `import --change`.
Result<> apply_changes(oci::RunConfig& config, const std::vector<std::string>& changes);

}  // namespace skiff::engine
