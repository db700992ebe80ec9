// Mirrors: the mirrors of a registry, run when their time comes or when somebody says so.
#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <stop_token>
#include <thread>

#include "registry/call.h"
#include "upstream/mirror_report.h"
#include "upstream/pauses.h"

namespace skiff::upstream {

// Thread-safe.
class Mirrors {
 public:
  using Tell = std::function<void(const json::Value&)>;

  Mirrors(const registry::Context& context, const Clock& clock)
      : context_(context), clock_(clock) {}
  ~Mirrors() { cancel_.cancel(); }

  // Runs them by itself from now on; one whose run was broken off at once.
  void start();

  // add, change {"name", and MirrorSettings}  list {}  get, remove {"name"}
  // run {"name"}: tells reports as they come, and gives the last one.
  // start {"name"}: it runs by itself, now.
  // kNotFound, kAlreadyExists; kUnavailable where it is running.
  Result<json::Value> operate(std::string_view what, const json::Value& arguments, const Tell& tell,
                              const CancelToken& cancel);

 private:
  Result<registry::MirrorRow> row_of(const json::Value& arguments);
  Result<json::Value> add(const json::Value& arguments);
  Result<json::Value> change(const json::Value& arguments);
  Result<json::Value> start(const std::string& name);
  Result<json::Value> list();
  Result<registry::MirrorRow> find(const std::string& name);
  // What is ours to run, as long as it lives.
  class Running {
   public:
    Running() = default;
    Running(Mirrors& mirrors, std::string name) : mirrors_(&mirrors), name_(std::move(name)) {}
    Running(Running&& other) noexcept
        : claim(std::move(other.claim)),
          mirrors_(std::exchange(other.mirrors_, nullptr)),
          name_(std::move(other.name_)) {}
    Running& operator=(Running&&) = delete;
    ~Running();

    std::unique_ptr<registry::Claim> claim;  // null where it runs, here or on another server

   private:
    Mirrors* mirrors_ = nullptr;
    std::string name_;
  };
  Result<Running> begin(const std::string& name);
  Result<MirrorReport> run(const registry::MirrorRow& row, const Tell& tell,
                           const CancelToken& cancel);
  bool is_due(const registry::MirrorRow& row, bool is_first) const;
  Result<> run_if_due(const std::string& name, bool is_first);
  void run_due(bool is_first);
  void loop(const std::stop_token& stop);

  const registry::Context& context_;
  const Clock& clock_;
  CancelSource cancel_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool hurry_ = false;             // one is due now
  std::set<std::string> running_;  // here: claims are of servers
  Pauses pauses_;                  // the thread's; "" for the list of mirrors
  std::jthread thread_;            // last: it uses the others
};

}  // namespace skiff::upstream
