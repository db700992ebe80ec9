// For tests: bundles of a small root, and containers run by the real monitor program that
// must leave nothing behind.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "runtime/container_spec.h"
#include "runtime/monitor_client.h"

namespace skiff::runtime {

class MonitorFixture : public testing::Test {
 protected:
  MonitorFixture();
  ~MonitorFixture() override;

  // What runs, before spawn(): `sh -c SCRIPT`.
  void set_script(const std::string& script) { spec_.args = {"/bin/sh", "-c", script}; }
  // Writes the bundle and creates the container.
  Result<MonitorClient> try_spawn();
  MonitorClient spawn();
  // spawn() and start.
  MonitorClient run(const std::string& script);
  void write_bundle();
  // Removes the container and looks for what must not be there any more.
  void remove(MonitorClient& monitor);
  void expect_nothing_left() const;
  bool has_monitor() const;
  // What it has written to comes down to 150 KiB: that much for each container is cheap, and an
  // idle one takes nearly all of it. What it only reads is its program, which all have in common.
  void expect_small() const;

  std::string log_text() const;
  // The texts of the log's entries, joined.
  std::string logged(const char* suffix = "") const;
  static std::string entries_of(const Path& log_file);

  TempDir dir_;
  std::string id_;
  ContainerSpec spec_;
  Path program_;
  MonitorOptions options_;
};

// Everything until the end of the stream.
std::string read_stream(int fd);
// Until the stream's bytes hold `text`, or its end.
std::string read_until(int fd, std::string_view text);
bool write_stream(int fd, std::string_view bytes);

struct Streams {
  std::string out;
  std::string err;
  std::string error;   // stream 3
  std::string broken;  // why the frames were none
};
Streams take_frames_apart(std::string_view bytes);

// Tries every few milliseconds, for a minute at most.
bool eventually(const std::function<bool()>& condition);

}  // namespace skiff::runtime
