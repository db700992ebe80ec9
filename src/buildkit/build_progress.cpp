#include "buildkit/build_progress.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::buildkit {

void BuildProgress::operator()(const builder::BuildEvent& event) {
  std::visit([this](const auto& e) { take(e); }, event);
}

// "[linux/amd64 build 2/5] RUN make", "[build  3/12] ONBUILD RUN make"
std::string BuildProgress::name_of(const builder::StepStarted& e) const {
  std::string place;
  if (several_platforms_) place += cat(e.platform, " ");
  const bool numbered = parse_int(e.stage).has_value();
  if (file_.stages > 1) place += cat(numbered ? "stage-" : "", e.stage, " ");
  const std::string total = cat(e.places);
  std::string number = cat(e.place);
  number.insert(0, total.size() - number.size(), ' ');
  return cat("[", place, number, "/", total, "] ", e.trigger ? "ONBUILD " : "", e.text);
}

const std::string* BuildProgress::vertex_of(const std::string& platform, int step) const {
  const auto found = running_.find({platform, step});
  return found == running_.end() ? nullptr : &found->second.vertex;
}

void BuildProgress::take(const builder::StepStarted& e) {
  const auto before = running_.find({e.platform, e.step});
  if (before != running_.end()) writer_.finish(before->second.vertex, "");
  running_.erase({e.platform, e.step});
  // The others take no time.
  if (e.place == 0) return;
  running_[{e.platform, e.step}] = {writer_.start(name_of(e)), e.line};
}

void BuildProgress::take(const builder::StepCached& e) {
  if (const std::string* vertex = vertex_of(e.platform, e.step)) writer_.finish_cached(*vertex);
  running_.erase({e.platform, e.step});
}

void BuildProgress::take(const builder::StepMissed& e) {
  const std::string* vertex = vertex_of(e.platform, e.step);
  if (vertex != nullptr) writer_.log(*vertex, cat("not cached: ", e.reason, "\n"));
}

void BuildProgress::take(const builder::StepOutput& e) {
  if (const std::string* vertex = vertex_of(e.platform, e.step)) writer_.log(*vertex, e.bytes);
}

void BuildProgress::take(const builder::StepProgress& e) {
  const std::string* vertex = vertex_of(e.platform, e.step);
  if (vertex != nullptr) count(*vertex, e.progress);
}

void BuildProgress::take(const builder::Exporting& e) {
  if (pushing_.empty()) pushing_ = writer_.start("pushing the image");
  count(pushing_, e.progress);
}

void BuildProgress::count(const std::string& vertex, const images::ProgressEvent& progress) {
  if (progress.id.empty()) return;
  const bool done = to_lower(progress.status).ends_with("complete");
  writer_.count(vertex, cat(progress.id, " ", progress.status),
                static_cast<int64_t>(progress.current), static_cast<int64_t>(progress.total),
                done || progress.total == 0);
}

void BuildProgress::take(const builder::StepDone& e) {
  if (const std::string* vertex = vertex_of(e.platform, e.step)) writer_.finish(*vertex, "");
  running_.erase({e.platform, e.step});
}

void BuildProgress::take(const builder::BuildWarning& e) {
  PlacedWarning warning{.text = e.text, .file_name = file_.name, .file_text = file_.text};
  const std::string place = cat(file_.name, ":", e.line, ": ");
  if (e.line > 0 && e.text.starts_with(place)) {
    warning.text = cat(e.text.substr(place.size()), " (line ", e.line, ")");
    warning.line = e.line;
  }
  writer_.warn(definition_, warning);
}

void BuildProgress::end(std::string_view error, int line) {
  const bool known =
      std::ranges::any_of(running_, [&](const auto& one) { return one.second.line == line; });
  for (const auto& [id, step] : running_) {
    const bool failed = !known || step.line == line;
    writer_.finish(step.vertex, error.empty() || failed ? error : "context canceled");
  }
  running_.clear();
  if (!pushing_.empty()) writer_.finish(pushing_, error);
}

}  // namespace skiff::buildkit
