// Mirrors, by the same operation as commands' (operations.h).
#include "base/strings.h"
#include "manage/rest.h"
#include "upstream/mirror_settings.h"

namespace skiff::manage {

using registry::Answer;
using registry::Refusal;
using upstream::MirrorSettings;

namespace {

Answer<json::Value> operate(ApiCall& call, std::string_view what, json::Value arguments) {
  registry::Registry* const registry = TRY(call.api.registry());
  arguments.set("do", std::string(what));
  return as_answer(
      find_operation("mirror")->run(*registry, arguments, [](const json::Value&) {}, {}));
}

json::Value named(const ApiCall& call) { return json::object({{"name", call.name(0)}}); }

Answer<> list_mirrors(ApiCall& call) {
  const json::Value all = TRY(operate(call, "list", json::object()));
  return reply_page(call, "mirrors", "name", all.array("mirrors"));
}

Answer<> get_mirror(ApiCall& call) {
  return call.http.reply_json(TRY(operate(call, "get", named(call))));
}

// Who may do this over the network is not thereby one who may read any file of the server: only
// those that somebody put into ROOT/mirrors, and what a command named before.
Answer<std::string> file_of(const ApiCall& call, std::string_view member,
                            const std::string& before) {
  const std::string name = call.body.string(member);
  if (name.empty() || name == before) return name;
  if (name.starts_with('.') || name.find('/') != std::string::npos) {
    return Refusal(kInvalid, cat(member, " must be the name of a file in ROOT/mirrors"));
  }
  return (call.api.root() / "mirrors" / name).native();
}

// As the body says, and where it says nothing as a new one.
Answer<json::Value> settings_of(const ApiCall& call, const MirrorSettings& before) {
  json::Value out = call.body;
  out.set("credentials", TRY(file_of(call, "credentials", before.credentials)));
  out.set("ca", TRY(file_of(call, "ca", before.ca)));
  return out;
}

Answer<> add_mirror(ApiCall& call) {
  TRY(operate(call, "add", TRY(settings_of(call, {}))));
  return call.http.reply_empty(201);
}

Answer<> change_mirror(ApiCall& call) {
  const json::Value is = TRY(operate(call, "get", named(call)));
  const json::Value* const settings = is.find("settings");
  MirrorSettings before;
  if (settings != nullptr) before = TRY(as_answer(MirrorSettings::from_json(*settings)));
  json::Value arguments = TRY(settings_of(call, before));
  arguments.set("name", call.name(0));
  TRY(operate(call, "change", std::move(arguments)));
  return call.http.reply_empty(204);
}

Answer<> remove_mirror(ApiCall& call) {
  TRY(operate(call, "remove", named(call)));
  return call.http.reply_empty(204);
}

// A run may take hours: it goes on by itself, and the mirror's `last` tells of it.
Answer<> run_mirror(ApiCall& call) {
  TRY(operate(call, "start", named(call)));
  return call.http.reply_empty(202);
}

constexpr ApiRoute kMirrorRoutes[] = {
    {"GET", "/mirrors", "", list_mirrors},
    {"POST", "/mirrors",
     "name! url:url! repositories:strings! push:bool place credentials ca tags:strings "
     "platforms:strings"
     " every:int referrers:bool remove:bool",
     add_mirror},
    {"GET", "/mirrors/{name}", "", get_mirror},
    {"PUT", "/mirrors/{name}",
     "url:url! repositories:strings! push:bool place credentials ca tags:strings platforms:strings"
     " every:int referrers:bool remove:bool",
     change_mirror},
    {"DELETE", "/mirrors/{name}", "", remove_mirror},
    {"POST", "/mirrors/{name}/run", "", run_mirror},
};

}  // namespace

std::span<const ApiRoute> mirror_routes() { return kMirrorRoutes; }

}  // namespace skiff::manage
