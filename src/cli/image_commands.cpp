// pull, push, tag, rmi, commit, search.
#include <unistd.h>

#include "base/strings.h"
#include "cli/run_container.h"
#include "oci/platform.h"
#include "oci/reference.h"

namespace skiff::cli {

namespace {

using enum FlagKind;

constexpr FlagSpec kPullFlags[] = {
    {"all-tags", 'a', kBool, "Download all tagged images in the repository"},
    {"disable-content-trust", 0, kBool, "Accepted, changes nothing (default true)"},
    {"platform", 0, kString, "Platform of the image, such as linux/arm64"},
    {"quiet", 'q', kBool, "Suppress verbose output"},
};

Outcome pull(Session& session, Flags& flags) {
  auto name = TRY(oci::Reference::parse(flags.args[0]));
  bool quiet = flags.on("quiet");
  bool is_plain = name.tag().empty() && !name.digest();
  if (flags.on("all-tags")) {
    if (!is_plain) {
      return Error(Code::kInvalidArgument, "tag can't be used with --all-tags/-a");
    }
  } else {
    if (is_plain && !quiet) print("Using default tag: latest\n");
    name = name.with_default_tag();
  }
  TRY(pull_image(session, name, flags.get("platform"), STDOUT_FILENO, quiet));
  print(name.str() + "\n");
  return 0;
}

constexpr FlagSpec kPushFlags[] = {
    {"all-tags", 'a', kBool, "Push all tags of the repository"},
    {"disable-content-trust", 0, kBool, "Accepted, changes nothing (default true)"},
    {"platform", 0, kString, "Push the image of this platform alone, without its index"},
    {"quiet", 'q', kBool, "Suppress verbose output"},
};

Result<> push_one(Session& session, const Flags& flags, const oci::Reference& name) {
  net::Query query;
  query.add("tag", name.tag());
  if (flags.has("platform")) {
    query.add("platform", TRY(oci::Platform::parse(flags.get("platform"))).to_json().dump());
  }
  net::ClientRequest request;
  request.method = "POST";
  request.target = image_path(name.familiar_repository(), cat("/push?", query.str()));
  request.headers.set("X-Registry-Auth", session.config.auth_header(name.domain()));
  ProgressPrinter printer(STDOUT_FILENO, flags.on("quiet"));
  TRY(show_progress(session, request, printer));
  if (flags.on("quiet")) print(name.str() + "\n");
  return {};
}

Outcome push_all(Session& session, const Flags& flags, const oci::Reference& repository) {
  if (!repository.tag().empty()) {
    return Error(Code::kInvalidArgument, "tag can't be used with --all-tags/-a");
  }
  std::string filters =
      TRY(filters_parameter({cat("reference=", repository.familiar_repository())}));
  json::Value list = TRY(session.api.get(cat("/images/json?filters=", net::url_encode(filters))));
  for (const auto& image : list.as_array()) {
    for (const auto& text : image.strings("RepoTags")) {
      auto name = TRY(oci::Reference::parse(text));
      if (name.repository() == repository.repository()) TRY(push_one(session, flags, name));
    }
  }
  return 0;
}

Outcome push(Session& session, Flags& flags) {
  auto name = TRY(oci::Reference::parse(flags.args[0]));
  if (flags.on("all-tags")) return push_all(session, flags, name);
  if (name.digest()) {
    return Error(Code::kInvalidArgument, "cannot push a digest reference");
  }
  if (name.tag().empty() && !flags.on("quiet")) print("Using default tag: latest\n");
  TRY(push_one(session, flags, name.with_default_tag()));
  return 0;
}

Outcome tag(Session& session, Flags& flags) {
  auto target = oci::Reference::parse(flags.args[1]);
  if (!target) {
    return Error(Code::kInvalidArgument,
                 cat("Error parsing reference: ", skiff::quoted(flags.args[1]),
                     " is not a valid repository/tag: ", target.error().message()));
  }
  net::Query query;
  query.add("repo", target->familiar_repository());
  query.add("tag", target->with_default_tag().tag());
  TRY(session.api.post(image_path(flags.args[0], cat("/tag?", query.str()))));
  return 0;
}

constexpr FlagSpec kRmiFlags[] = {
    {"force", 'f', kBool, "Force removal of the image"},
    {"no-prune", 0, kBool, "Do not delete untagged parents"},
    {"platform", 0, kList, "Remove only the given platforms, such as linux/arm64", "strings"},
};

Outcome rmi(Session& session, Flags& flags) {
  net::Query query;
  if (flags.on("force")) query.add("force", "1");
  if (flags.on("no-prune")) query.add("noprune", "1");
  for (const std::string& list : flags.all("platform")) {
    for (const std::string& platform : split(list, ',')) {
      TRY(oci::Platform::parse(platform));
      query.add("platforms", platform);
    }
  }
  std::string text = query.str();
  std::string rest = text.empty() ? "" : cat("?", text);
  return for_each_argument(flags, [&](const std::string& name) -> Result<std::string> {
    json::Value removed = TRY(session.api.remove(image_path(name, rest)));
    std::vector<std::string> lines;
    for (const auto& item : removed.as_array()) {
      for (const auto& [what, which] : item.as_object()) {
        lines.push_back(cat(what, ": ", which.as_string()));
      }
    }
    return join(lines, "\n");
  });
}

constexpr FlagSpec kCommitFlags[] = {
    {"author", 'a', kString, "Author (e.g., \"Ada Lovelace <ada@example.org>\")"},
    {"change", 'c', kList, "Apply a Dockerfile instruction to the new image"},
    {"message", 'm', kString, "Commit message"},
    {"pause", 'p', kBool, "Pause the container during the commit (default true)"},
};

Outcome commit(Session& session, Flags& flags) {
  net::Query query;
  query.add("container", flags.args[0]);
  if (flags.args.size() > 1) {
    auto name = TRY(oci::Reference::parse(flags.args[1]));
    query.add("repo", name.familiar_repository());
    query.add("tag", name.with_default_tag().tag());
  }
  if (flags.has("author")) query.add("author", flags.get("author"));
  for (const auto& change : flags.all("change")) query.add("changes", change);
  if (flags.has("message")) query.add("comment", flags.get("message"));
  query.add("pause", flags.on("pause", true) ? "1" : "0");
  json::Value made = TRY(session.api.post(cat("/commit?", query.str())));
  print(made.string("Id") + "\n");
  return 0;
}

constexpr FlagSpec kSearchFlags[] = {
    {"filter", 'f', kList, "Show only what meets the condition", "filter"},
    {"format", 0, kString, "Print by a Go template"},
    {"limit", 0, kString, "Max number of search results", "int"},
    {"no-trunc", 0, kBool, "Don't truncate output"},
};

// The engine says that, and why, it has no index.
Outcome search(Session& session, Flags& flags) {
  TRY(session.api.get(cat("/images/search?term=", net::url_encode(flags.args[0]))));
  return Error(Code::kUnimplemented, "search is not supported by this client");
}

constexpr Command kImageCommands[] = {
    {.name = "pull",
     .usage = "NAME[:TAG|@DIGEST]",
     .summary = "Download an image from a registry",
     .flags = kPullFlags,
     .run = pull,
     .min_args = 1,
     .max_args = 1,
     .aliases = "image pull"},
    {.name = "push",
     .usage = "NAME[:TAG]",
     .summary = "Upload an image to a registry",
     .flags = kPushFlags,
     .run = push,
     .min_args = 1,
     .max_args = 1,
     .aliases = "image push"},
    {.name = "tag",
     .usage = "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
     .summary = "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
     .run = tag,
     .min_args = 2,
     .max_args = 2,
     .aliases = "image tag"},
    {.name = "rmi",
     .usage = "IMAGE [IMAGE...]",
     .summary = "Remove one or more images",
     .flags = kRmiFlags,
     .run = rmi,
     .min_args = 1,
     .aliases = "image rm,image remove"},
    {.name = "commit",
     .usage = "CONTAINER [REPOSITORY[:TAG]]",
     .summary = "Create a new image from a container's changes",
     .flags = kCommitFlags,
     .run = commit,
     .min_args = 1,
     .max_args = 2,
     .aliases = "container commit"},
    {.name = "search",
     .usage = "TERM",
     .summary = "Search an index for images",
     .flags = kSearchFlags,
     .run = search,
     .min_args = 1,
     .max_args = 1},
};

}  // namespace

std::span<const Command> image_commands() { return kImageCommands; }

}  // namespace skiff::cli
