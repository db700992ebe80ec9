// Images: lists, pull, push, tag, remove, save, load, import (engine-api.md section 1).
#include <algorithm>

#include "api/image_json.h"
#include "api/progress_stream.h"
#include "api/router.h"
#include "base/strings.h"
#include "engine/image_import.h"

namespace skiff::api {

namespace {

images::ImageStore& store(const Call& call) { return call.context.images; }

void publish(const Call& call, std::string action, const std::string& name) {
  call.context.engine.events().publish({.type = "image",
                                        .action = std::move(action),
                                        .id = name,
                                        .attributes = {{"name", name}},
                                        .time = {}});
}

auto image_user(const Call& call) {
  return [&call](const oci::Digest& id) { return call.context.engine.image_user(id); };
}

Result<> list_images(Call& call) {
  auto filters = TRY(call.filters());
  auto rows = TRY(filter_images(store(call), image_rows(TRY(store(call).list())), filters,
                                call.context.clock.now()));
  json::Array out;
  for (const auto& row : rows) {
    out.push_back(image_list_json(row, -1));
    if (!call.flag("manifests")) continue;
    out.back().set("Descriptor", row.image.target.to_json());
    out.back().set("Manifests", TRY(manifests_json(store(call), row.image.target)));
  }
  return call.reply(200, std::move(out));
}

Result<> inspect_image(Call& call) {
  auto platform = TRY(platform_argument(call.arg("platform")));
  auto image = TRY(store(call).find(call.name, platform));
  json::Value out = image_inspect_json(image, snapshot::name_of(store(call).snapshots().backend()));
  if (call.flag("manifests")) {
    out.set("Manifests", TRY(manifests_json(store(call), image.target)));
  }
  return call.reply(200, out);
}

Result<> image_history(Call& call) {
  auto platform = TRY(platform_argument(call.arg("platform")));
  auto image = TRY(store(call).find(call.name, platform));
  return call.reply(200, TRY(image_history_json(store(call), image)));
}

Result<> import_from_body(Call& call) {
  if (call.arg("fromSrc") != "-") {
    return Error(Code::kUnimplemented,
                 "import from a URL is not served: fetch it and import the file");
  }
  engine::ImportOptions options;
  if (!call.arg("repo").empty()) {
    options.name = TRY(reference_argument(call.arg("repo"), call.arg("tag")));
  }
  options.message = call.arg("message");
  options.changes = call.request.query.all("changes");
  options.platform = TRY(platform_argument(call.arg("platform")));
  auto id = TRY(engine::import_image(store(call), *call.request.body, options,
                                     call.writer.client_gone(), call.context.clock));
  publish(call, "import", id.str());
  ProgressStream stream(call);
  stream.send(json::object({{"status", id.str()}}));
  return stream.finish({});
}

// A 401 makes Docker's client ask for a password and wait, on a terminal or not. As from Docker it
// is the image that is not there for who asks so.
Error no_login_asked(Error error) {
  if (error.code() != Code::kUnauthenticated) return error;
  return Error(Code::kNotFound, std::string(error.message()));
}

// Without a tag or a digest all tags of the repository are meant (`docker pull -a`).
Result<std::vector<oci::Reference>> names_to_pull(Call& call, const oci::Reference& name,
                                                  const remote::ClientOptions& client) {
  const oci::Reference given = TRY(oci::Reference::parse(call.arg("fromImage")));
  if (!call.arg("tag").empty() || !given.tag().empty() || given.digest()) return std::vector{name};
  auto tags = store(call).remote_tags(name, client);
  if (!tags) return no_login_asked(std::move(tags.error()));
  std::vector<oci::Reference> names;
  for (const std::string& tag : *tags) {
    names.push_back(TRY(oci::Reference::parse(cat(name.repository(), ":", tag))));
  }
  return names;
}

Result<> create_image(Call& call) {
  if (!call.arg("fromSrc").empty()) return import_from_body(call);
  auto name = TRY(reference_argument(call.arg("fromImage"), call.arg("tag")));
  images::PullOptions options;
  options.platform = TRY(platform_argument(call.arg("platform")));
  options.client.credentials = call.credentials();
  ProgressStream stream(call);
  for (const auto& each : TRY(names_to_pull(call, name, options.client))) {
    auto pulled = store(call).pull(each, options, stream.sink(), call.writer.client_gone());
    if (!pulled) return stream.finish(no_login_asked(std::move(pulled.error())));
    publish(call, "pull", each.familiar());
  }
  return stream.finish({});
}

Result<> push_image(Call& call) {
  auto name = TRY(reference_argument(call.name, call.arg("tag")));
  images::PushOptions options;
  options.platform = TRY(platform_argument(call.arg("platform")));
  options.client.credentials = call.credentials();
  TRY(store(call).find(name.familiar(), options.platform));
  ProgressStream stream(call);
  auto pushed = store(call).push(name, options, stream.sink(), call.writer.client_gone());
  if (!pushed) return stream.finish(std::move(pushed.error()));
  stream.send(json::object({{"progressDetail", json::object()},
                            {"aux", json::object({{"Tag", name.tag()},
                                                  {"Digest", pushed->digest.str()},
                                                  {"Size", pushed->size}})}}));
  publish(call, "push", name.familiar());
  return stream.finish({});
}

// Until it is tagged or not found: what was removed in between may have lost its name to another.
Result<images::Image> find_and_tag(const Call& call, const oci::Reference& name) {
  while (true) {
    images::Image image = TRY(store(call).find(call.name));
    Result<> tagged = store(call).tag(image, name);
    if (tagged) return image;
    if (tagged.error().code() != Code::kNotFound) return tagged.error();
  }
}

Result<> tag_image(Call& call) {
  auto name = TRY(reference_argument(call.arg("repo"), call.arg("tag")));
  if (name.digest()) {
    return Error(Code::kInvalidArgument, "refusing to create a tag with a digest reference");
  }
  const images::Image image = TRY(find_and_tag(call, name));
  publish(call, "tag", image.id.str());
  return call.reply_empty(201);
}

// Each in JSON, or in words.
Result<std::vector<oci::Platform>> platform_arguments(const Call& call, std::string_view name) {
  std::vector<oci::Platform> out;
  for (const std::string& text : call.request.query.all(name)) {
    if (auto one = TRY(platform_argument(text))) out.push_back(*std::move(one));
  }
  return out;
}

Result<> remove_image(Call& call) {
  // One that is empty must not become none: that removes the whole name.
  const auto texts = call.request.query.all("platforms");
  if (std::ranges::find(texts, "") != texts.end()) {
    return Error(Code::kInvalidArgument, "platforms holds an empty platform");
  }
  const auto platforms = TRY(platform_arguments(call, "platforms"));
  const bool force = call.flag("force");
  const auto removed =
      platforms.empty()
          ? TRY(store(call).remove(call.name, force, !call.flag("noprune"), image_user(call)))
          : TRY(store(call).remove_platforms(call.name, platforms, force, image_user(call)));
  for (const auto& item : removed) {
    publish(call, item.kind == images::RemovedKind::kUntagged ? "untag" : "delete", item.what);
  }
  return call.reply(200, removed_json(removed));
}

// Writes an archive as the chunks of an answer that begins with its first byte.
class ArchiveSink : public Sink {
 public:
  explicit ArchiveSink(const Call& call) : call_(call) {}
  Result<> write(std::string_view bytes) override {
    if (!call_.writer.started()) {
      call_.writer.headers().set("Content-Type", "application/x-tar");
      TRY(call_.writer.begin(200));
    }
    return call_.writer.write(bytes);
  }

 private:
  const Call& call_;
};

Result<> save_named(const Call& call, const std::vector<std::string>& names) {
  const auto platforms = TRY(platform_arguments(call, "platform"));
  for (const auto& name : names) {
    TRY(store(call).find(name));
    for (const oci::Platform& platform : platforms) TRY(store(call).find(name, platform));
  }
  ArchiveSink sink(call);
  TRY(store(call).save(names, sink, call.writer.client_gone(), platforms));
  return call.writer.finish();
}

Result<> save_images(Call& call) {
  auto names = call.request.query.all("names");
  if (names.empty()) return Error(Code::kInvalidArgument, "no image named: give names=...");
  return save_named(call, names);
}

Result<> save_image(Call& call) { return save_named(call, {call.name}); }

Result<> load_images(Call& call) {
  const auto platforms = TRY(platform_arguments(call, "platform"));
  ProgressStream stream(call);
  auto progress = call.flag("quiet") ? [](const images::ProgressEvent&) {} : stream.sink();
  auto loaded =
      store(call).load(*call.request.body, progress, call.writer.client_gone(), platforms);
  if (!loaded) return stream.finish(std::move(loaded.error()));
  for (const auto& name : *loaded) {
    bool id = name.starts_with("sha256:");
    stream.text(cat(id ? "Loaded image ID: " : "Loaded image: ", name, "\n"));
    publish(call, "load", name);
  }
  return stream.finish({});
}

Result<> prune_images(Call& call) {
  auto pruned = TRY(engine::prune_images(store(call), TRY(call.filters()), image_user(call),
                                         call.context.clock.now()));
  json::Value removed = pruned.removed.empty() ? json::Value() : removed_json(pruned.removed);
  return call.reply(200,
                    json::object({{"ImagesDeleted", removed}, {"SpaceReclaimed", pruned.bytes}}));
}

Result<> search_images(Call& call) {
  return Error(Code::kUnimplemented,
               cat("search for ", skiff::quoted(call.arg("term")),
                   ": this engine has no index service; list a registry's repositories with "
                   "GET /v2/_catalog"));
}

Result<> inspect_distribution(Call& call) {
  auto name = TRY(oci::Reference::parse(call.name)).with_default_tag();
  remote::ClientOptions options;
  options.credentials = call.credentials();
  remote::RegistryClient client(options);
  auto found = TRY(client.fetch_manifest(name, call.writer.client_gone()));
  json::Array platforms;
  if (auto index = oci::Index::parse(found.bytes, found.media_type)) {
    for (const auto& entry : index->manifests) {
      if (entry.platform) platforms.push_back(entry.platform->to_json());
    }
  }
  return call.reply(200, json::object({{"Descriptor", json::object({{"mediaType", found.media_type},
                                                                    {"digest", found.digest.str()},
                                                                    {"size", found.bytes.size()}})},
                                       {"Platforms", std::move(platforms)}}));
}

constexpr Route kImageRoutes[] = {
    {"GET", "/images/json", list_images},
    {"POST", "/images/create", create_image},
    {"GET", "/images/get", save_images},
    {"POST", "/images/load", load_images},
    {"POST", "/images/prune", prune_images},
    {"GET", "/images/search", search_images},
    {"GET", "/images/*/json", inspect_image},
    {"GET", "/images/*/history", image_history},
    {"GET", "/images/*/get", save_image},
    {"POST", "/images/*/push", push_image},
    {"POST", "/images/*/tag", tag_image},
    {"DELETE", "/images/*", remove_image},
    {"GET", "/distribution/*/json", inspect_distribution},
};

}  // namespace

std::span<const Route> image_routes() { return kImageRoutes; }

}  // namespace skiff::api
