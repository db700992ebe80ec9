// The options of BuildKit's Dockerfile frontend ("build-arg:V", "target", ...) as a BuildRequest.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "builder/builder.h"
#include "buildkit/builds.h"
#include "buildkit/remote_definition.h"

namespace skiff::buildkit {

struct FrontendOptions {
  builder::BuildRequest request;  // without contexts, names and callbacks
  std::string file_name = "Dockerfile";
  // Directories of the client, by the names of its session.
  std::string context = "context";
  std::string dockerfile = "dockerfile";
  bool dockerfile_is_local = false;  // also where the context is not
  std::string remote_context;        // a URL instead of the client's directory
  Source* upload = nullptr;          // or a tar
  // Of named contexts: the name to "docker-image://alpine", "local:directory", or a URL.
  std::map<std::string, std::string> contexts;
  // Results of other builds, by the names that such a context has after "input:".
  std::map<std::string, std::shared_ptr<const KeptResult>> inputs;
  // Parts of repositories, by the same.
  std::map<std::string, RemoteSource> parts;
  std::string question;  // "frontend.lint": no build is wanted
};

// kUnimplemented for what would change the result and is not served.
Result<FrontendOptions> decode_frontend_options(const std::map<std::string, std::string>& options);

// kUnimplemented where `name`, with "source" for a frontend in an image, is not the Dockerfile
// frontend, or not a version of it that is known.
Result<> check_frontend(const std::string& name, const std::map<std::string, std::string>& options);

// The lines of an ignore file as patterns for a client.
std::vector<std::string> ignore_lines(std::string_view text);

}  // namespace skiff::buildkit
