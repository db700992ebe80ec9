// The operations of operations.h, and the document of all this.
#include "base/strings.h"
#include "manage/rest.h"

namespace skiff::manage {

using registry::Answer;
using registry::Refusal;

namespace {

// Problems of one answer.
constexpr size_t kMostProblems = 1'000;

Answer<> check(ApiCall& call) { return run_operation(call, "check", call.body); }
Answer<> collect(ApiCall& call) { return run_operation(call, "gc", call.body); }

Answer<> configuration(ApiCall& call) {
  if (call.api.configuration().empty()) {
    return Refusal(registry::kNotFound, "this registry is part of a daemon, whose flags it has");
  }
  return call.http.reply(200, "application/yaml", call.api.configuration());
}

Answer<> document(ApiCall& call) {
  return call.http.reply(200, "application/yaml", api_document());
}

constexpr ApiRoute kOperationRoutes[] = {
    {"POST", "/check", "deep:bool repair:bool", check},
    {"POST", "/gc", "dryRun:bool", collect},
    {"GET", "/configuration", "", configuration},
    {"GET", "/openapi.yaml", "", document},
};

}  // namespace

std::span<const ApiRoute> operation_routes() { return kOperationRoutes; }

Answer<> run_operation(ApiCall& call, std::string_view name, const json::Value& arguments) {
  registry::Registry* const registry = TRY(call.api.registry());
  json::Array problems;
  size_t found = 0;
  const Tell tell = [&](const json::Value& event) {
    const json::Value* problem = event.find("problem");
    if (problem == nullptr) return;
    ++found;
    if (problems.size() < kMostProblems) problems.push_back(*problem);
  };
  json::Value out = TRY(as_answer(
      find_operation(name)->run(*registry, arguments, tell, call.http.writer.client_gone())));
  if (name != "gc") {
    out.set("found", found);
    out.set("problems", std::move(problems));
  }
  return call.http.reply_json(out);
}

}  // namespace skiff::manage
