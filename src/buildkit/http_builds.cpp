#include "buildkit/http_builds.h"

#include <algorithm>
#include <thread>

#include "base/log.h"
#include "base/random.h"
#include "base/strings.h"
#include "buildkit/waiting.h"

namespace skiff::buildkit {

namespace {

constexpr size_t kRefDigits = 25;

BuildOutcome failed(const Error& error) {
  return {.failure = RpcFailure{error, ""}, .cause = error};
}

Result<std::string> result_of(const BuildOutcome& outcome) {
  if (outcome.cause) return *outcome.cause;
  const auto id = outcome.reply.find("containerimage.config.digest");
  return id == outcome.reply.end() ? std::string() : id->second;
}

bool is_sent_to_client(const ServiceSpec& exporter) {
  using enum builder::OutputType;
  const auto type = builder::parse_output_type(exporter.type);
  return type && *type != kImage && *type != kNone;
}

// Docker's own client takes files, or their tar, of one output, and leaves `dest` with what it does
// not take: beside the other it would be taken for that one.
Result<> check_takers(const std::vector<ServiceSpec>& exporters) {
  if (std::ranges::count_if(exporters, is_sent_to_client) < 2) return {};
  for (const ServiceSpec& exporter : exporters) {
    const bool is_layout = exporter.type == "oci" || exporter.type == "docker";
    if (!is_layout || !exporter.attrs.contains("dest")) continue;
    return Error(Code::kInvalidArgument,
                 cat("exporter ", exporter.type, ": this client takes no such output"));
  }
  return {};
}

}  // namespace

Result<std::string> HttpBuilds::build(const HttpBuild& wanted, const Tell& tell,
                                      const CancelToken& gone) {
  const std::shared_ptr<Build> build = builds_.get_new(random_hex(kRefDigits));
  build->begin(wanted.order);
  build->feed().listen();
  build->progress().log_warnings();
  std::unique_lock lock(mutex_);
  const auto entry = at_work_.emplace(wanted.id, AtWork{build, wanted.order.session});
  lock.unlock();
  std::thread watch([&] {
    wait_for(gone, build->ended());
    if (gone.cancelled()) build->cancel();
  });
  std::thread teller([&] {
    while (const auto status = build->feed().next()) tell(*status);
  });
  // Docker's own client hangs where it hears of a failure before its session stands.
  const auto session = session_of(wanted);
  build->set_outcome(session ? run(wanted, build) : failed(session.error()));
  build->end(std::nullopt);
  build->feed().close();
  watch.join();
  teller.join();
  leave(entry, session ? *session : nullptr);
  if (auto kept = history_.end(*build); !kept) log_warn(kept.error().message());
  return result_of(build->outcome());
}

Result<std::shared_ptr<Session>> HttpBuilds::session_of(const HttpBuild& wanted) {
  if (wanted.order.session.empty()) return std::shared_ptr<Session>();
  return tools_.sessions.find(wanted.order.session);
}

// Docker's own client waits for its session's end, which it brings about only where it was asked:
// it comes with the last of the builds that have it, and is not that of a later one of its name.
void HttpBuilds::leave(Entry entry, const std::shared_ptr<Session>& session) {
  const std::scoped_lock lock(mutex_);
  at_work_.erase(entry);
  if (session == nullptr) return;
  const bool is_used = std::ranges::any_of(
      at_work_, [&](const auto& other) { return other.second.session == session->facts().id; });
  if (!is_used) tools_.sessions.remove(session);
}

BuildOutcome HttpBuilds::run(const HttpBuild& wanted, const std::shared_ptr<Build>& build) {
  if (auto fit = check_takers(wanted.order.exporters); !fit) return failed(fit.error());
  auto options = decode_frontend_options(wanted.options);
  if (!options) return failed(options.error());
  history_.begin(build, "dockerfile.v0", wanted.options, wanted.order.exporters);
  options->request.credentials = wanted.credentials;
  options->upload = wanted.context;
  std::unique_ptr<Source> sent;
  if (wanted.context_is_sent) {
    auto taken = contexts_.take(wanted.id, build->cancelled());
    if (!taken) return failed(taken.error());
    sent = std::move(*taken);
    options->upload = sent.get();
  }
  return FrontendBuild(tools_, *build, wanted.order, std::move(*options)).run();
}

void HttpBuilds::cancel(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  const auto [first, last] = at_work_.equal_range(id);
  for (auto one = first; one != last; ++one) one->second.build->cancel();
}

}  // namespace skiff::buildkit
