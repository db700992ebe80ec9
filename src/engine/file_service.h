// FileService: the Files of an engine.
#pragma once

#include "engine/core.h"

namespace skiff::engine {

class FileService : public Files {
 public:
  explicit FileService(Core& core) : core_(core) {}

  Result<PathStat> stat_path(const std::string& container, const std::string& path) override;
  Result<> get_archive(const std::string& container, const std::string& path, Sink& tar,
                       const std::function<Result<>(const PathStat&)>& begin,
                       const CancelToken& cancel) override;
  Result<> put_archive(const std::string& container, const std::string& path, Source& tar,
                       const ArchivePutOptions& options) override;
  Result<std::vector<snapshot::Change>> changes(const std::string& container) override;
  Result<> export_tree(const std::string& container, Sink& tar, const CancelToken& cancel) override;
  Result<std::string> commit(const std::string& container, const CommitOptions& options,
                             const CancelToken& cancel) override;

 private:
  Core& core_;
};

}  // namespace skiff::engine
