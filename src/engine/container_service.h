// ContainerService: the Containers of an engine: finds the container, takes its operation
// lock where its life changes, and hands on to who does the work.
#pragma once

#include "engine/core.h"
#include "engine/starts_ahead.h"
#include "engine/supervisor.h"

namespace skiff::engine {

class ContainerService : public Containers {
 public:
  ContainerService(Core& core, Supervisor& supervisor)
      : core_(core), supervisor_(supervisor), ahead_(core) {}

  Result<Created> create(CreateRequest request) override;
  Result<Effect> start(const std::string& container) override;
  Result<Effect> stop(const std::string& container, const StopOptions& options) override;
  Result<> restart(const std::string& container, const StopOptions& options) override;
  Result<> kill(const std::string& container, const std::string& signal) override;
  Result<> pause(const std::string& container) override;
  Result<> unpause(const std::string& container) override;
  Result<> rename(const std::string& container, const std::string& new_name) override;
  Result<std::vector<std::string>> update(const std::string& container,
                                          const UpdateRequest& request) override;
  Result<> remove(const std::string& container, const RemoveOptions& options) override;
  Result<std::unique_ptr<Waiter>> wait(const std::string& container,
                                       WaitCondition condition) override;

  Result<ContainerInfo> get(const std::string& container, bool sizes) override;
  Result<std::vector<ContainerInfo>> list(const ListOptions& options) override;
  Result<PruneResult> prune(const Filters& filters) override;
  Counters counters() override;
  // Nothing is begun any more for what was not asked yet.
  void close() { ahead_.close(); }

 private:
  Result<> check_serving() const;
  Result<Effect> start_one(const std::shared_ptr<Container>& container);

  Core& core_;
  Supervisor& supervisor_;
  StartsAhead ahead_;
};

}  // namespace skiff::engine
