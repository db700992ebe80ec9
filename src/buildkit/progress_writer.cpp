#include "buildkit/progress_writer.h"

#include "base/strings.h"
#include "buildkit/wire_time.h"
#include "codec/hash.h"
#include "control.pb.h"

namespace skiff::buildkit {

std::string ProgressWriter::gap_at(const std::string& vertex, std::string_view text) {
  wire::StatusResponse gap;
  wire::VertexWarning* warning = gap.add_warnings();
  warning->set_vertex(vertex);
  warning->set_level(1);
  warning->set_short_(std::string(text));
  return gap.SerializeAsString();
}

void ProgressWriter::push(const std::string& vertex, const std::string& message, Kind kind) {
  push(vertex, message, message, kind);
}

// Whichever message displaces output, one warning says that some is missing.
void ProgressWriter::push(const std::string& vertex, std::string message, std::string recorded,
                          Kind kind) {
  {
    const std::scoped_lock lock(mutex_);
    if (!told_.push(std::move(recorded), kind) && !std::exchange(told_gap_, true)) {
      told_.push(gap_at(vertex, "output was left out: there was too much of it"), Kind::kKept);
    }
  }
  if (feed_.push(std::move(message), kind) || gap_told_.exchange(true)) return;
  feed_.push(gap_at(vertex, "output was left out: the client read it too slowly"), Kind::kKept);
}

BuildSteps ProgressWriter::steps() {
  const std::scoped_lock lock(mutex_);
  return steps_;
}

std::vector<std::string> ProgressWriter::told() {
  std::vector<std::string> out;
  const std::scoped_lock lock(mutex_);
  told_.for_each([&](const std::string& message) { out.push_back(message); });
  return out;
}

void ProgressWriter::push_vertex(wire::StatusResponse& message, const Running& vertex) {
  wire::Vertex& out = *message.mutable_vertexes(0);
  out.set_name(vertex.recorded);
  std::string recorded = message.SerializeAsString();
  out.set_name(vertex.name);
  push(out.digest(), message.SerializeAsString(), std::move(recorded), Kind::kKept);
}

std::string ProgressWriter::start(const std::string& name, const std::string& recorded) {
  const TimePoint now = clock_.now();
  wire::StatusResponse message;
  wire::Vertex* vertex = message.add_vertexes();
  std::string id;
  {
    const std::scoped_lock lock(mutex_);
    id = cat("sha256:", sha256_hex(cat(build_, "\n", number_++)));
    running_[id] = {name, recorded, now};
    ++steps_.total;
  }
  vertex->set_digest(id);
  set_time(vertex->mutable_started(), now);
  push_vertex(message, {name, recorded, now});
  return id;
}

void ProgressWriter::rename(const std::string& vertex, const std::string& name,
                            const std::string& recorded) {
  Running renamed;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = running_.find(vertex);
    if (found == running_.end()) return;
    found->second.name = name;
    found->second.recorded = recorded;
    renamed = found->second;
  }
  wire::StatusResponse message;
  wire::Vertex* out = message.add_vertexes();
  out->set_digest(vertex);
  set_time(out->mutable_started(), renamed.started);
  push_vertex(message, renamed);
}

void ProgressWriter::finish(const std::string& vertex, std::string_view error) {
  end(vertex, error, false);
}
void ProgressWriter::finish_cached(const std::string& vertex) { end(vertex, "", true); }

void ProgressWriter::end(const std::string& vertex, std::string_view error, bool cached) {
  Running ended;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = running_.find(vertex);
    if (found == running_.end()) return;
    ended = std::move(found->second);
    running_.erase(found);
    ++steps_.completed;
    if (cached) ++steps_.cached;
  }
  wire::StatusResponse message;
  wire::Vertex* out = message.add_vertexes();
  out->set_digest(vertex);
  out->set_cached(cached);
  out->set_error(std::string(error));
  set_time(out->mutable_started(), ended.started);
  set_time(out->mutable_completed(), clock_.now());
  push_vertex(message, ended);
}

void ProgressWriter::log(const std::string& vertex, std::string_view text) {
  wire::StatusResponse message;
  wire::VertexLog* out = message.add_logs();
  out->set_vertex(vertex);
  out->set_stream(1);
  out->set_msg(std::string(text));
  set_time(out->mutable_timestamp(), clock_.now());
  push(vertex, message.SerializeAsString(), Kind::kOutput);
}

void ProgressWriter::count(const std::string& vertex, const std::string& what, int64_t current,
                           int64_t total, bool done) {
  const TimePoint now = clock_.now();
  TimePoint began;
  {
    const std::scoped_lock lock(mutex_);
    began = counters_.try_emplace({vertex, what}, now).first->second;
    if (done) counters_.erase({vertex, what});
  }
  wire::StatusResponse message;
  wire::VertexStatus* out = message.add_statuses();
  out->set_id(what);
  out->set_vertex(vertex);
  out->set_current(current);
  out->set_total(total);
  set_time(out->mutable_timestamp(), now);
  set_time(out->mutable_started(), began);
  if (done) set_time(out->mutable_completed(), now);
  push(vertex, message.SerializeAsString(), Kind::kMayGo);
}

void ProgressWriter::warn(const std::string& vertex, const PlacedWarning& warning) {
  wire::StatusResponse message;
  wire::VertexWarning* out = message.add_warnings();
  out->set_vertex(vertex);
  out->set_level(1);
  out->set_short_(warning.text);
  if (!warning.detail.empty()) out->add_detail(warning.detail);
  out->set_url(warning.url);
  if (warning.line > 0) {
    out->mutable_info()->set_filename(warning.file_name);
    out->mutable_info()->set_data(warning.file_text);
    out->mutable_info()->set_language("Dockerfile");
    wire::Range* range = out->add_ranges();
    range->mutable_start()->set_line(warning.line);
    range->mutable_end()->set_line(warning.line);
  }
  {
    const std::scoped_lock lock(mutex_);
    ++steps_.warnings;
  }
  push(vertex, message.SerializeAsString(), Kind::kMayGo);
  if (logs_warnings_) log(vertex, cat("WARNING: ", warning.text, "\n"));
}

}  // namespace skiff::buildkit
