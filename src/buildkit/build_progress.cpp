#include "buildkit/build_progress.h"

#include <utility>

#include "base/strings.h"
#include "dockerfile/source_text.h"

namespace skiff::buildkit {

namespace {

// In BuildKit's words, which its clients look for.
constexpr std::string_view kCancelled = "context canceled";

}  // namespace

void BuildProgress::operator()(const builder::BuildEvent& event) {
  std::visit([this](const auto& e) { take(e); }, event);
}

// "[linux/amd64 build 2/5] RUN make", "[build  3/12] ONBUILD RUN make"
std::string BuildProgress::name_of(const builder::StepStarted& e, const std::string& shown) const {
  std::string place;
  if (manner_.several_platforms) place += cat(e.shown_platform, " ");
  const bool numbered = parse_int(e.stage).has_value();
  if (file_.stages > 1) place += cat(numbered ? "stage-" : "", e.stage, " ");
  const std::string total = cat(e.places);
  std::string number = cat(e.place);
  number.insert(0, total.size() - number.size(), ' ');
  return cat("[", place, number, "/", total, "] ", e.step.trigger > 0 ? "ONBUILD " : "", shown);
}

// Null where it is not shown.
BuildProgress::Step* BuildProgress::find(const builder::StepId& step) {
  const auto found = running_.find(step);
  return found == running_.end() ? nullptr : &found->second;
}

BuildProgress::Step* BuildProgress::find_begun(const builder::StepId& id) {
  Step* step = find(id);
  if (step != nullptr && step->vertex.empty()) begin(*step, id);
  return step;
}

void BuildProgress::begin(Step& step, const builder::StepId& id) {
  step.vertex = writer_.start(step.name, step.recorded);
  shared_[step.name] = {.vertex = step.vertex, .platforms = {id.platform}, .at_work = 1};
}

void BuildProgress::take(const builder::StepStarted& e) {
  const Step* step = find(e.step);
  if (step == nullptr) return start(e);
  // Its base image is here by now: it has a digest, and may have brought triggers, which count.
  const Step now = named(e);
  if (now.name != step->name) rename(*step, now);
}

// With all that share the vertex; one that has begun under that name already stays apart.
void BuildProgress::rename(const Step& step, const Step& now) {
  const std::string vertex = step.vertex;
  writer_.rename(vertex, now.name, now.recorded);
  const auto found = shared_.find(step.name);
  const bool is_its = found != shared_.end() && found->second.vertex == vertex;
  if (!is_its || shared_.contains(now.name)) return;
  auto shared = shared_.extract(found);
  shared.key() = now.name;
  shared_.insert(std::move(shared));
  for (auto& [id, other] : running_) {
    if (other.vertex == vertex) other.name = now.name;
  }
}

BuildProgress::Step BuildProgress::named(const builder::StepStarted& e) const {
  Step out{.name = name_of(e, e.shown)};
  out.recorded = manner_.records_arguments ? out.name : name_of(e, e.recorded);
  return out;
}

void BuildProgress::start(const builder::StepStarted& e) {
  // The others take no time.
  if (e.place == 0) return;
  Step step = named(e);
  const auto shared = shared_.find(step.name);
  // Another platform's build has the step, too: it is one and the same. A build's own that is
  // written alike is another.
  const bool joins =
      shared != shared_.end() && shared->second.platforms.insert(e.step.platform).second;
  if (!joins) {
    begin(step, e.step);
  } else if (!shared->second.over) {
    step.vertex = shared->second.vertex;
    ++shared->second.at_work;
  }
  running_[e.step] = std::move(step);
}

void BuildProgress::take(const builder::StepCached& e) {
  if (Step* step = find(e.step)) step->cached = true;
}

void BuildProgress::take(const builder::StepMissed& e) {
  if (const Step* step = find_begun(e.step)) {
    writer_.log(step->vertex, cat("not cached: ", e.reason, "\n"));
  }
}

void BuildProgress::take(const builder::StepOutput& e) {
  if (const Step* step = find_begun(e.step)) writer_.log(step->vertex, e.bytes);
}

void BuildProgress::take(const builder::StepProgress& e) {
  Step* step = find_begun(e.step);
  if (step != nullptr && !step->pulls) count(step->vertex, e.progress);
}

void BuildProgress::take(const builder::BasePull& e) {
  const bool is_from = e.step.place > 0;
  if (is_from && find(e.step.step) == nullptr) start(e.step);
  std::string& apart = pulls_[{e.step.step.platform, e.image}];
  if (!is_from && apart.empty()) apart = writer_.start(cat("FROM ", e.image));
  Step* step = is_from ? find_begun(e.step.step) : nullptr;
  if (step != nullptr) step->pulls = true;
  const std::string& vertex = step != nullptr ? step->vertex : apart;
  if (e.progress.status.starts_with("Pulling from")) {
    writer_.count(vertex, cat("resolve ", e.image), 0, 0, true);
  } else if (!e.progress.digest.empty()) {
    count_layer(vertex, e.progress);
  }
  if (!e.over) return;
  if (step == nullptr) writer_.finish(apart, e.error);
  pulls_.erase({e.step.step.platform, e.image});
  if (step == nullptr || e.error.empty()) return;
  finish(*step, e.error);
  running_.erase(e.step.step);
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

// In BuildKit's words: "sha256:..." and how much of it is here, "extracting sha256:...".
void BuildProgress::count_layer(const std::string& vertex, const images::ProgressEvent& progress) {
  const std::string& layer = progress.digest;
  int64_t& size = sizes_[{vertex, layer}];
  if (progress.status == "Downloading") {
    size = static_cast<int64_t>(progress.total);
    writer_.count(vertex, layer, static_cast<int64_t>(progress.current), size, false);
  } else if (progress.status == "Download complete") {
    writer_.count(vertex, layer, size, size, true);
  } else if (progress.status == "Extracting" || progress.status == "Pull complete") {
    writer_.count(vertex, cat("extracting ", layer), 0, 0, progress.status != "Extracting");
  }
}

void BuildProgress::take(const builder::StepDone& e) {
  if (const Step* step = find(e.step)) finish(*step, "");
  running_.erase(e.step);
}

// Its place is shown by the error of the build.
void BuildProgress::take(const builder::StepFailed& e) {
  const auto placed = dockerfile::take_apart(e.error, file_.name);
  const std::string_view error = placed ? placed->text : e.error;
  const Step* step = error.empty() ? find(e.step) : find_begun(e.step);
  if (step != nullptr) finish(*step, error.empty() ? kCancelled : error);
  running_.erase(e.step);
}

// The last one that is at work on it ends it.
void BuildProgress::finish(const Step& step, std::string_view error) {
  if (step.vertex.empty()) return;
  Shared& shared = shared_[step.name];
  if (shared.vertex == step.vertex) {
    shared.cached = shared.cached && step.cached;
    if (--shared.at_work > 0 && error.empty()) return;
    if (std::exchange(shared.over, true)) return;
  }
  const bool cached = shared.vertex == step.vertex ? shared.cached : step.cached;
  if (cached && error.empty()) return writer_.finish_cached(step.vertex);
  writer_.finish(step.vertex, error);
}

void BuildProgress::take(const builder::BuildWarning& e) {
  PlacedWarning warning{.text = e.text,
                        .detail = e.detail,
                        .url = e.url,
                        .file_name = file_.name,
                        .file_text = file_.text};
  const std::string place = cat(file_.name, ":", e.line, ": ");
  if (e.line > 0 && e.text.starts_with(place)) {
    warning.text = cat(e.text.substr(place.size()), " (line ", e.line, ")");
    warning.line = e.line;
  }
  writer_.warn(definition_, warning);
}

void BuildProgress::take(const builder::CacheMoved& e) {
  auto& vertex = caches_[e.what];
  if (vertex.empty()) vertex = writer_.start(e.what);
  if (!e.part.empty()) writer_.count(vertex, e.part, 0, 0, true);
  if (!e.over) return;
  writer_.finish(vertex, e.error);
  caches_.erase(e.what);
}

void BuildProgress::end(std::string_view error) {
  for (const auto& [id, step] : running_) finish(step, error.empty() ? "" : kCancelled);
  running_.clear();
  for (const auto& [what, vertex] : caches_) writer_.finish(vertex, error);
  caches_.clear();
  for (const auto& [image, vertex] : pulls_) writer_.finish(vertex, error);
  pulls_.clear();
  if (!pushing_.empty()) writer_.finish(pushing_, error);
}

}  // namespace skiff::buildkit
