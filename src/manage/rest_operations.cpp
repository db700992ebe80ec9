// The operations of operations.h, and the document of all this.
#include "base/strings.h"
#include "manage/rest.h"

namespace skiff::manage {

using registry::Answer;

namespace {

// Problems of one answer.
constexpr size_t kMostProblems = 1'000;

Answer<> run(ApiCall& call, std::string_view name) {
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
      find_operation(name)->run(*registry, call.body, tell, call.http.writer.client_gone())));
  if (name == "check") {
    out.set("found", found);
    out.set("problems", std::move(problems));
  }
  return call.http.reply_json(out);
}

Answer<> check(ApiCall& call) { return run(call, "check"); }
Answer<> collect(ApiCall& call) { return run(call, "gc"); }

Answer<> document(ApiCall& call) {
  return call.http.reply(200, "application/yaml", api_document());
}

constexpr ApiRoute kRoutes[] = {
    {"POST", "/check", "deep:bool repair:bool", check},
    {"POST", "/gc", "dryRun:bool", collect},
    {"GET", "/openapi.yaml", "", document},
};

}  // namespace

std::span<const ApiRoute> operation_routes() { return kRoutes; }

}  // namespace skiff::manage
