// Exec: further processes in a running container. A session is created, started once, and
// can be asked for its exit code for a while after it ended.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "engine/core.h"

namespace skiff::engine {

// One session. Thread-safe.
class Exec {
 public:
  Exec(std::shared_ptr<Container> container, ExecConfig config);
  // One that an earlier daemon has started.
  Exec(std::shared_ptr<Container> container, const runtime::ExecReport& found);

  const std::string id;
  const std::shared_ptr<Container> container;

  ExecInfo info() const;
  // Whether it may start, and that nobody else starts it.
  Result<> claim(const ExecStart& options);
  // Starts the process and sees to it that its end is noted. The stream is none when nothing
  // is attached.
  static Result<UniqueFd> start(Core& core, const std::shared_ptr<Exec>& exec, bool attach);
  // Goes on with one that was found.
  static void take_over(Core& core, const std::shared_ptr<Exec>& exec,
                        const runtime::ExecReport& found);
  // Waits for the end; kCancelled.
  Result<> wait(const CancelToken& cancel, const CancelToken& shutdown, int client) const;
  Result<> resize(int height, int width);
  // When it ended; nullopt while it has not.
  std::optional<TimePoint> finished() const;

 private:
  Result<runtime::ExecSpec> make_spec(bool attach) const;
  void set_started(int pid);
  // Notes its end when that comes.
  static void follow(Core& core, const std::shared_ptr<Exec>& exec);
  void set_ended(Core& core, int exit_code, TimePoint finished);

  UniqueFd ended_;  // readable then
  mutable std::mutex mutex_;
  ExecInfo info_;
  bool claimed_ = false;
  bool resized_ = false;  // before there was a process to resize
  TimePoint finished_;
};

// The sessions of an engine. Thread-safe.
class ExecTable {
 public:
  explicit ExecTable(Core& core) : core_(core) {}
  Result<std::string> create(const std::shared_ptr<Container>& container, const ExecConfig& config);
  // Those that the container's monitor knows.
  void adopt(const std::shared_ptr<Container>& container);
  // kNotFound: "No such exec instance: ID".
  Result<std::shared_ptr<Exec>> find(const std::string& id) const;

 private:
  void forget_old();
  Core& core_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Exec>> by_id_;
};

// A claimed session, to be run with a client.
std::unique_ptr<StreamSession> make_exec_session(Core& core, std::shared_ptr<Exec> exec);

}  // namespace skiff::engine
