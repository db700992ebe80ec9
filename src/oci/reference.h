// Reference: the name of an image (distribution/reference grammar).
//
//   parse("alpine")                 docker.io/library/alpine, tag "latest" by with_default_tag()
//   parse("127.0.0.1:5000/a/b:1@sha256:...")
//
// A bare 64-hex-digit name is refused, as Docker does, since it reads as an id.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "oci/digest.h"

namespace skiff::oci {

class Reference {
 public:
  // Parses and normalises (docker.io, library/). Errors repeat Docker's wording:
  // "invalid reference format", "... repository name must be lowercase".
  static Result<Reference> parse(std::string_view text);

  const std::string& domain() const { return domain_; }  // "docker.io", "localhost:5000"
  const std::string& path() const { return path_; }      // "library/alpine"
  const std::string& tag() const { return tag_; }        // "" when none
  const std::optional<Digest>& digest() const { return digest_; }

  // The repository, canonical ("docker.io/library/alpine") or as people write it ("alpine").
  std::string repository() const;
  std::string familiar_repository() const;
  // Everything, canonical or familiar.
  std::string str() const;
  std::string familiar() const;

  Reference with_default_tag() const;  // adds "latest" where neither tag nor digest is
  Reference with_tag(std::string tag) const;
  Reference with_digest(Digest digest) const;
  auto operator<=>(const Reference&) const = default;

 private:
  std::string domain_;
  std::string path_;
  std::string tag_;
  std::optional<Digest> digest_;
};

// The pieces of the grammar, for the registry's own checks.
bool valid_repository_path(std::string_view path);  // "a/b-c", at most 255 bytes
bool valid_tag(std::string_view tag);

}  // namespace skiff::oci
