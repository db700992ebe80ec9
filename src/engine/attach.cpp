#include "engine/attach.h"

#include "base/strings.h"
#include "engine/detach_keys.h"
#include "engine/log_follow.h"
#include "engine/log_reader.h"
#include "engine/stopping.h"
#include "engine/stream_pump.h"

namespace skiff::engine {

namespace {

class AttachSession : public StreamSession {
 public:
  AttachSession(Core& core, const std::shared_ptr<Container>& container,
                const AttachOptions& options)
      : AttachSession(core, container, container->info(), options) {}
  ~AttachSession() override { container_->unregister(point_); }
  AttachSession(const AttachSession&) = delete;
  AttachSession& operator=(const AttachSession&) = delete;

  Result<> connect() {
    std::string keys = TRY(parse_detach_keys(options_.detach_keys));
    if (pump_.terminal) pump_.detach_keys = std::move(keys);
    // Opened before the log's end is asked for: that file may be compressed the next moment.
    if (options_.logs) TRY(log_.open());
    if (!options_.stream) return {};
    Monitor monitor = container_->monitor_or_register(point_);
    if (monitor == nullptr) return {};
    if (!options_.logs) {
      live_.stream = TRY(monitor->attach(pump_.want_stdin));
    } else {
      live_ = TRY(monitor->attach_with_log(pump_.want_stdin));
      TRY(log_.refresh());
    }
    return {};
  }

  bool terminal() const override { return pump_.terminal; }

  Result<> run(net::Stream& client, std::string early_bytes, const CancelToken& cancel) override {
    if (options_.logs) TRY(send_log(client));
    if (!options_.stream) return {};
    if (!live_.stream) {
      auto given = point_->wait(cancel, client.fd());
      if (!given) return std::move(given.error());
      live_.stream = std::move(*given);
    }
    // Never started: the start failed, or the engine goes.
    if (!live_.stream) return {};
    PumpEnd end = pump_streams(client, early_bytes, live_.stream.get(), pump_, cancel,
                               core_.shutdown.token());
    live_.stream.reset();
    if (end == PumpEnd::kDetached) core_.publish(*container_, "detach");
    end_client(client);
    return {};
  }

 private:
  AttachSession(Core& core, std::shared_ptr<Container> container, const ContainerInfo& info,
                const AttachOptions& options)
      : core_(core),
        container_(std::move(container)),
        options_(options),
        log_(info.log_path, log_format(info)) {
    pump_.terminal = info.config.tty;
    pump_.want_stdin = options.want_stdin && info.config.open_stdin;
    pump_.want_stdout = options.want_stdout;
    pump_.want_stderr = options.want_stderr;
    point_ = std::make_shared<AttachPoint>(pump_.want_stdin);
  }

  Result<> send_log(net::Stream& client) {
    if (live_.stream) log_.stop_at(live_.log_inode, live_.log_offset);
    FrameFilter filter(pump_.want_stdout, pump_.want_stderr);
    while (auto entry = TRY(log_.next())) {
      if (!filter.wants(entry->stream)) continue;
      TRY(client.write(pump_.terminal ? entry->text : make_frame(entry->stream, entry->text)));
    }
    return client.write(pump_.terminal ? live_.pending : filter.pass(live_.pending));
  }

  Core& core_;
  std::shared_ptr<Container> container_;
  AttachOptions options_;
  LogReader log_;
  PumpOptions pump_;
  std::shared_ptr<AttachPoint> point_;
  runtime::AttachedWithLog live_;
};

Result<> check_attachable(const Container& container) {
  Status status = container.state().status;
  if (status == Status::kPaused) {
    return Error(Code::kFailedPrecondition, cat("container ", container.id,
                                                " is paused. Unpause the container before attach"));
  }
  if (status == Status::kRestarting) {
    return Error(
        Code::kFailedPrecondition,
        cat("container ", container.id, " is restarting, wait until the container is running"));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<StreamSession>> attach_container(Core& core,
                                                        const std::shared_ptr<Container>& container,
                                                        const AttachOptions& options) {
  TRY(check_attachable(*container));
  if (options.logs) TRY(check_log_readable(container->info()));
  auto session = std::make_unique<AttachSession>(core, container, options);
  TRY(session->connect());
  core.publish(*container, "attach");
  return std::unique_ptr<StreamSession>(std::move(session));
}

}  // namespace skiff::engine
