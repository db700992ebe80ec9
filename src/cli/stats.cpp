#include "cli/stats.h"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

#include "base/strings.h"
#include "cli/listing.h"
#include "cli/table.h"
#include "cli/terminal.h"

namespace skiff::cli {

namespace {

const json::Value& member(const json::Value& of, std::string_view key) {
  static const json::Value kNone;
  const json::Value* found = of.find(key);
  return found != nullptr ? *found : kNone;
}

std::string percent(double value) {
  char text[32];
  int n = snprintf(text, sizeof text, "%.2f%%", value);
  return {text, static_cast<size_t>(n)};
}

double cpu_percent(const json::Value& sample) {
  const json::Value& now = member(sample, "cpu_stats");
  const json::Value& before = member(sample, "precpu_stats");
  double used = member(now, "cpu_usage").number("total_usage") -
                member(before, "cpu_usage").number("total_usage");
  double passed = now.number("system_cpu_usage") - before.number("system_cpu_usage");
  double cpus = now.number("online_cpus");
  if (cpus == 0) {
    cpus = static_cast<double>(member(now, "cpu_usage").array("percpu_usage").size());
  }
  return used > 0 && passed > 0 ? used / passed * cpus * 100 : 0;
}

// Without the page cache that the kernel would give back at once.
double memory_used(const json::Value& memory) {
  double usage = memory.number("usage");
  for (std::string_view name : {"total_inactive_file", "inactive_file"}) {
    const json::Value& inactive = member(member(memory, "stats"), name);
    if (inactive.is_number() && inactive.as_double() < usage) return usage - inactive.as_double();
  }
  return usage;
}

std::string in_and_out(double in, double out) {
  return cat(human_size(in), " / ", human_size(out));
}

std::string network_text(const json::Value& sample) {
  double received = 0;
  double sent = 0;
  for (const auto& [name, counters] : sample.object("networks")) {
    received += counters.number("rx_bytes");
    sent += counters.number("tx_bytes");
  }
  return in_and_out(received, sent);
}

std::string block_text(const json::Value& sample) {
  double read = 0;
  double written = 0;
  for (const auto& entry : member(sample, "blkio_stats").array("io_service_bytes_recursive")) {
    std::string operation = to_lower(entry.string("op"));
    if (operation == "read") read += entry.number("value");
    if (operation == "write") written += entry.number("value");
  }
  return in_and_out(read, written);
}

json::Value empty_row(const std::string& name) {
  return json::object({{"BlockIO", "-- / --"},
                       {"CPUPerc", "--"},
                       {"Container", name},
                       {"ID", short_id(name)},
                       {"MemPerc", "--"},
                       {"MemUsage", "-- / --"},
                       {"Name", "--"},
                       {"NetIO", "-- / --"},
                       {"PIDs", "--"}});
}

constexpr Column kStatsColumns[] = {{"ID", "CONTAINER ID"},
                                    {"Name", "NAME"},
                                    {"CPUPerc", "CPU %"},
                                    {"MemUsage", "MEM USAGE / LIMIT"},
                                    {"MemPerc", "MEM %"},
                                    {"NetIO", "NET I/O"},
                                    {"BlockIO", "BLOCK I/O"},
                                    {"PIDs", "PIDS"},
                                    {"Container", "CONTAINER", false}};

// The latest row of each container, filled by a thread each.
class Screen {
 public:
  explicit Screen(std::vector<std::string> names) : names_(std::move(names)) {
    for (const auto& name : names_) rows_.push_back(empty_row(name));
    state_.resize(names_.size());
  }

  void show(size_t index, json::Value row) {
    std::lock_guard lock(mutex_);
    row.set("Container", names_[index]);
    rows_[index] = std::move(row);
    state_[index].seen = true;
    changed_.notify_all();
  }
  void end(size_t index, const Result<>& result) {
    std::lock_guard lock(mutex_);
    state_[index].ended = true;
    if (!result) errors_.push_back(result.error().message());
    changed_.notify_all();
  }
  // Until every container has a row or has none to come.
  void wait_for_all() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      return std::all_of(state_.begin(), state_.end(),
                         [](const State& state) { return state.seen || state.ended; });
    });
  }
  // False when no container is left to wait for.
  bool wait_a_moment() {
    constexpr auto kRefresh = std::chrono::milliseconds(500);
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, kRefresh, [&] {
      return std::all_of(state_.begin(), state_.end(),
                         [](const State& state) { return state.ended; });
    });
  }
  std::vector<json::Value> rows() {
    std::lock_guard lock(mutex_);
    std::vector<json::Value> out;
    for (size_t i = 0; i < rows_.size(); ++i) {
      if (state_[i].seen || !state_[i].ended) out.push_back(rows_[i]);
    }
    return out;
  }
  std::vector<std::string> errors() {
    std::lock_guard lock(mutex_);
    return errors_;
  }

 private:
  struct State {
    bool seen = false;
    bool ended = false;
  };
  std::vector<std::string> names_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<json::Value> rows_;
  std::vector<State> state_;
  std::vector<std::string> errors_;
};

Result<> follow(ApiClient& api, const std::string& name, bool stream, bool truncate, Screen& screen,
                size_t index) {
  net::ClientRequest request;
  request.target = container_path(name, stream ? "/stats?stream=1" : "/stats?stream=0");
  return api.stream(request, [&](const json::Value& sample) -> Result<> {
    screen.show(index, stats_row(sample, truncate));
    return {};
  });
}

Result<std::vector<std::string>> containers_of(Session& session, const Flags& flags) {
  if (!flags.args.empty()) return flags.args;
  json::Value list =
      TRY(session.api.get(flags.on("all") ? "/containers/json?all=1" : "/containers/json"));
  std::vector<std::string> out;
  for (const auto& container : list.as_array()) out.push_back(container.string("Id"));
  return out;
}

}  // namespace

json::Value stats_row(const json::Value& sample, bool truncate) {
  const json::Value& memory = member(sample, "memory_stats");
  double used = memory_used(memory);
  double limit = memory.number("limit");
  std::string name = sample.string("name");
  if (name.starts_with('/')) name.erase(0, 1);
  std::string id = sample.string("id");
  return json::object(
      {{"BlockIO", block_text(sample)},
       {"CPUPerc", percent(cpu_percent(sample))},
       {"Container", id},
       {"ID", truncate ? short_id(id) : id},
       {"MemPerc", percent(limit > 0 ? used / limit * 100 : 0)},
       {"MemUsage", cat(human_bytes_binary(used), " / ", human_bytes_binary(limit))},
       {"Name", name},
       {"NetIO", network_text(sample)},
       {"PIDs", cat(member(sample, "pids_stats").integer("current"))}});
}

Outcome stats(Session& session, Flags& flags) {
  bool stream = !flags.on("no-stream");
  auto names = TRY(containers_of(session, flags));
  Screen screen(names);
  std::vector<ApiClient> clients;
  for (size_t i = 0; i < names.size(); ++i) clients.push_back(session.api.another());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < names.size(); ++i) {
    threads.emplace_back([&, i] {
      screen.end(i, follow(clients[i], names[i], stream, !flags.on("no-trunc"), screen, i));
    });
  }
  Result<> shown;
  auto draw = [&]() -> Result<> {
    std::string text =
        TRY(format_listing(screen.rows(), kStatsColumns, {flags.get("format"), false}));
    if (stream && is_terminal(STDOUT_FILENO)) print("\x1b[2J\x1b[H");
    print(text);
    fflush(stdout);
    return {};
  };
  screen.wait_for_all();
  if (!screen.errors().empty() && (!stream || screen.rows().empty())) {
    for (auto& thread : threads) thread.join();
    return Error(Code::kNotFound, join(screen.errors(), "\n"));
  }
  do {
    shown = draw();
  } while (stream && shown && screen.wait_a_moment());
  // A stream without end is left by the end of the program.
  for (auto& thread : threads) {
    if (stream && !shown) {
      thread.detach();
    } else {
      thread.join();
    }
  }
  TRY(std::move(shown));
  for (const auto& message : screen.errors()) print_error(message + "\n");
  return screen.errors().empty() ? 0 : 1;
}

}  // namespace skiff::cli
