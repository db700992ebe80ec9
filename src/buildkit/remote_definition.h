// LLB of clients, as far as it is served: the files of one remote source, which clients want to
// read before they know what to build (`buildx bake URL`).
#pragma once

#include <optional>
#include <string>

#include "oci/digest.h"

namespace skiff::buildkit {

namespace wire {
class Definition;
}

struct RemoteSource {
  std::string url;        // as fetch_context() takes it: a repository or a part of it, or a file
  std::string file_name;  // what that file of the web is called; empty for a repository
  // Of the repository this file or directory alone, which lies in the root under its own name: so
  // clients write down a named context. Empty: all that is at `url`, as it is.
  std::string part;
  std::optional<oci::Digest> checksum = std::nullopt;  // of that file
};

// nullopt for any other LLB. What is understood is a git source, a copy of a part of it, and an
// HTTP source.
std::optional<RemoteSource> remote_source_of(const wire::Definition& definition);

}  // namespace skiff::buildkit
