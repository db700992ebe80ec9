// StreamService: the Streams of an engine.
#pragma once

#include "engine/core.h"
#include "engine/exec.h"

namespace skiff::engine {

class StreamService : public Streams {
 public:
  explicit StreamService(Core& core) : core_(core), execs_(core) {}

  Result<std::unique_ptr<StreamSession>> attach(const std::string& container,
                                                const AttachOptions& options) override;
  Result<> logs(const std::string& container, const LogOptions& options, const LogConsumer& consume,
                const CancelToken& cancel) override;
  Result<> resize(const std::string& container, int height, int width) override;
  Result<StatsSample> stats(const std::string& container) override;
  Result<TopResult> top(const std::string& container, const std::string& ps_arguments) override;

  Result<std::string> create_exec(const std::string& container, const ExecConfig& config) override;
  Result<std::unique_ptr<StreamSession>> start_exec(const std::string& exec_id,
                                                    const ExecStart& options) override;
  Result<> start_exec_detached(const std::string& exec_id, const ExecStart& options) override;
  Result<ExecInfo> exec_info(const std::string& exec_id) override;
  Result<> resize_exec(const std::string& exec_id, int height, int width) override;

  ExecTable& execs() { return execs_; }

 private:
  Core& core_;
  ExecTable execs_;
};

}  // namespace skiff::engine
