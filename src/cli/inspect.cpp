#include "cli/inspect.h"

#include <array>

#include "base/strings.h"
#include "cli/listing.h"
#include "oci/platform.h"

namespace skiff::cli {

namespace {

constexpr std::array<std::string_view, 4> kTypes = {"container", "image", "network", "volume"};

Result<std::string> path_of(std::string_view type, const std::string& name, const Flags& flags) {
  if (type == "container") return container_path(name, flags.on("size") ? "/json?size=1" : "/json");
  if (type == "image") {
    std::string query;
    if (flags.has("platform")) {
      auto platform = TRY(oci::Platform::parse(flags.get("platform")));
      query = cat("?platform=", net::url_encode(platform.to_json().dump()));
    }
    return image_path(name, cat("/json", query));
  }
  return cat(type == "network" ? "/networks/" : "/volumes/", net::url_encode(name));
}

// A name that no object of a kind can have says nothing about the other kinds.
bool may_be_another_kind(const Error& error) {
  return error.code() == Code::kNotFound ||
         error.message().find("invalid reference format") != std::string::npos;
}

Result<json::Value> find(Session& session, const std::string& name, const std::string& type,
                         const Flags& flags) {
  for (std::string_view candidate : kTypes) {
    if (!type.empty() && candidate != type) continue;
    auto found = session.api.get(TRY(path_of(candidate, name, flags)));
    if (found || !type.empty() || !may_be_another_kind(found.error())) return found;
  }
  return Error(Code::kNotFound, cat("Error: No such object: ", name));
}

Result<> print_each(const std::string& format, const json::Array& objects) {
  for (const auto& object : objects) print(TRY(format_object(format, object)));
  return {};
}

// A template that cannot be read has an exit code of its own, as with Docker.
int template_failed(const Error& error) {
  constexpr int kUnreadable = 64;
  print(error.code() == Code::kInvalidArgument ? "" : "\n");
  print_error(cat("template parsing error: ", error.message(), "\n"));
  return error.code() == Code::kInvalidArgument ? kUnreadable : 1;
}

}  // namespace

Outcome inspect(Session& session, const Flags& flags, const std::string& type) {
  if (!type.empty() && std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end()) {
    return Error(Code::kInvalidArgument, cat("unknown type: ", skiff::quoted(type),
                                             ": must be one of \"container\", \"image\", "
                                             "\"network\", \"volume\""));
  }
  std::string format = flags.get("format");
  json::Array found;
  std::vector<std::string> failed;
  for (const auto& name : flags.args) {
    auto object = find(session, name, type, flags);
    if (object) {
      found.push_back(std::move(*object));
    } else {
      failed.push_back(object.error().message());
    }
  }
  if (format == "json") {
    print(json::Value(std::move(found)).dump() + "\n");
  } else if (format.empty()) {
    print(json::Value(std::move(found)).pretty() + "\n");
  } else {
    auto printed = print_each(format, found);
    if (!printed) return template_failed(printed.error());
    if (found.empty()) print("\n");
  }
  for (const auto& message : failed) print_error(message + "\n");
  return failed.empty() ? 0 : 1;
}

}  // namespace skiff::cli
