#include "registry/vitals.h"

#include "base/log.h"
#include "base/strings.h"
#include "net/url.h"
#include "registry/call.h"
#include "registry/process_metrics.h"

namespace skiff::registry {

namespace {

constexpr std::string_view kAlive = "{\"status\":\"alive\"}\n";

bool is_read(const net::Request& request) {
  return request.method == "GET" || request.method == "HEAD";
}

// By who is on this machine, and not by a proxy here for somebody elsewhere.
bool is_ours(const net::Request& request) {
  const std::string address = client_address(request);
  if (!address.empty() && !net::is_loopback(address)) return false;
  for (const std::string_view field : {"Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"}) {
    if (request.headers.find(field)) return false;
  }
  return true;
}

Answer<> refuse_method(Call& call) {
  call.set("Allow", "GET, HEAD");
  return Refusal(kUnsupported, cat("method ", call.request.method, " is not supported here"));
}

}  // namespace

Vitals::Health Vitals::health() {
  std::vector<std::string> reasons;
  if (stopping_) reasons.emplace_back("stopping");
  for (const Probe& probe : probes_) {
    const Result<> answered = probe.run();
    if (answered) continue;
    log_warn(cat("not ready: ", probe.name, ": ", answered.error().message()));
    reasons.emplace_back(probe.name);
  }
  if (reasons.empty()) return {200, "{\"status\":\"ready\"}\n"};
  return {503, json::object({{"status", "not ready"}, {"reasons", reasons}}).dump() + "\n"};
}

std::string Vitals::metrics() {
  MetricsText out;
  write_process_metrics(out);
  out.family("skiff_registry_probe_seconds", "gauge",
             "How long the database and the store took to answer just now.");
  std::vector<std::pair<std::string_view, bool>> answers;
  for (const Probe& probe : probes_) {
    const auto begun = std::chrono::steady_clock::now();
    const bool answered = probe.run().has_value();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    out.sample({{"of", probe.name}}, took.count());
    answers.emplace_back(probe.name, answered);
  }
  out.family("skiff_registry_probe_success", "gauge", "Whether they did.");
  for (const auto& [name, answered] : answers) out.sample({{"of", name}}, uint64_t{answered});
  for (const Writer& writer : writers_) writer(out);
  return out.text();
}

std::vector<Extension> Vitals::extensions() {
  const auto alive = [](Call& call) -> Answer<> {
    if (!is_read(call.request)) return refuse_method(call);
    return call.reply(200, "application/json", kAlive);
  };
  const auto ready = [this](Call& call) -> Answer<> {
    if (!is_read(call.request)) return refuse_method(call);
    const Health now = health();
    call.set("Cache-Control", "no-store");
    return call.reply(now.status, "application/json", now.body);
  };
  const auto numbers = [this](Call& call) -> Answer<> {
    if (!is_ours(call.request)) {
      return Refusal(kNotFound, cat("no such endpoint: ", call.request.path));
    }
    if (!is_read(call.request)) return refuse_method(call);
    return call.reply(200, MetricsText::kType, metrics());
  };
  return {{std::string(kAlivePath), "health", alive, false},
          {std::string(kReadyPath), "health", ready, false},
          {std::string(kMetricsPath), "metrics", numbers, false}};
}

net::Handler Vitals::handler() {
  return [this](net::Request& request, net::ResponseWriter& writer) {
    const auto answer = [&](int status, std::string_view type, std::string_view body) {
      const Result<> sent = writer.send(status, type, body);
      if (!sent) log_debug(cat("answer not sent: ", sent.error().message()));
    };
    if (!is_read(request)) return answer(405, "text/plain", "only GET and HEAD\n");
    if (request.path == kMetricsPath) return answer(200, MetricsText::kType, metrics());
    if (request.path == kAlivePath) return answer(200, "application/json", kAlive);
    if (request.path != kReadyPath) return answer(404, "text/plain", "no such endpoint\n");
    const Health now = health();
    answer(now.status, "application/json", now.body);
  };
}

}  // namespace skiff::registry
