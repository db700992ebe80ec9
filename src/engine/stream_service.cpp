#include "engine/stream_service.h"

#include "engine/attach.h"
#include "engine/log_follow.h"
#include "engine/stats_reader.h"
#include "engine/stopping.h"
#include "engine/top.h"

namespace skiff::engine {

Result<std::unique_ptr<StreamSession>> StreamService::attach(const std::string& container,
                                                             const AttachOptions& options) {
  return attach_container(core_, TRY(core_.table.find(container)), options);
}

Result<> StreamService::logs(const std::string& container, const LogOptions& options,
                             const LogConsumer& consume, const CancelToken& cancel) {
  return read_logs(core_, *TRY(core_.table.find(container)), options, consume, cancel);
}

Result<> StreamService::resize(const std::string& reference, int height, int width) {
  auto container = TRY(core_.table.find(reference));
  Monitor monitor = container->monitor();
  if (monitor == nullptr) return not_running(*container);
  TRY(monitor->resize(height, width));
  core_.publish(*container, "resize",
                {{"height", std::to_string(height)}, {"width", std::to_string(width)}});
  return {};
}

Result<StatsSample> StreamService::stats(const std::string& container) {
  return read_stats(core_, *TRY(core_.table.find(container)));
}

Result<TopResult> StreamService::top(const std::string& reference,
                                     const std::string& ps_arguments) {
  auto container = TRY(core_.table.find(reference));
  TopResult result = TRY(list_processes(core_, *container, ps_arguments));
  core_.publish(*container, "top");
  return result;
}

Result<std::string> StreamService::create_exec(const std::string& container,
                                               const ExecConfig& config) {
  return execs_.create(TRY(core_.table.find(container)), config);
}

Result<std::unique_ptr<StreamSession>> StreamService::start_exec(const std::string& exec_id,
                                                                 const ExecStart& options) {
  auto exec = TRY(execs_.find(exec_id));
  TRY(exec->claim(options));
  return make_exec_session(core_, std::move(exec));
}

Result<> StreamService::start_exec_detached(const std::string& exec_id, const ExecStart& options) {
  auto exec = TRY(execs_.find(exec_id));
  TRY(exec->claim(options));
  TRY(Exec::start(core_, exec, false));
  return {};
}

Result<ExecInfo> StreamService::exec_info(const std::string& exec_id) {
  return TRY(execs_.find(exec_id))->info();
}

Result<> StreamService::resize_exec(const std::string& exec_id, int height, int width) {
  return TRY(execs_.find(exec_id))->resize(height, width);
}

}  // namespace skiff::engine
