// Health: what the probes of a container have told so far, and the file in which its monitor
// keeps that (docs/formats/monitor.md).
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "codec/json.h"

namespace skiff::runtime {

// What to probe with, and when.
struct HealthCheck {
  std::vector<std::string> command;
  std::chrono::milliseconds interval{30'000};
  std::chrono::milliseconds timeout{30'000};
  std::chrono::milliseconds start_period{0};
  std::chrono::milliseconds start_interval{5'000};  // in the start period, until it is healthy
  int retries = 3;
};

struct HealthProbe {
  static constexpr size_t kLongestOutput = 4096;  // of a longer one the beginning is kept

  TimePoint start;
  TimePoint end;
  int exit_code = 0;  // -1: it could not be run, or took too long
  std::string output;
};

struct Health {
  static constexpr size_t kMostLogged = 5;

  std::string status = "starting";  // starting, healthy, unhealthy
  int failing_streak = 0;
  std::vector<HealthProbe> log;  // the last ones
};

// A probe's result into the state. In the start period failures of a container that was never
// healthy do not count.
void note_probe(Health& health, const HealthProbe& probe, int retries, bool in_start_period);

json::Value to_json(const Health& health);
Result<Health> health_from(const json::Value& value);
// kNotFound when there is none.
Result<Health> read_health_file(const Path& file);
// Replaces it at once; it is not to outlive the machine.
Result<> write_health_file(const Path& file, const Health& health);

}  // namespace skiff::runtime
