// Output: what is to become of a build's result (`--output`). The words are BuildKit's.
//
//   Output tar{.type = OutputType::kTar, .file = &sink};
//   Output image{.type = OutputType::kImage, .attributes = {{"name", "demo:1"}, {"push", "true"}}};
//   request.outputs = {tar, image};
//
// Where the bytes go is the caller's: a file here, a stream to a client elsewhere. They come in
// order, from one thread at a time, and are whole only once build() has returned success: who keeps
// them in a file gives it its name then.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/cancellation.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/io.h"
#include "oci/digest.h"

namespace skiff::builder {

enum class OutputType {
  kImage,   // into the image store, and from there to registries ("push=true")
  kLocal,   // the files of the last stage, into a directory
  kTar,     // the same as a tar
  kOci,     // the image as an OCI layout, in a tar
  kDocker,  // the same, which `docker load` of any age reads, too
  kNone,    // nothing: the results of the steps stay in the cache
};
// "image", "local", "tar", "oci", "docker", "cacheonly" or "none"; BuildKit's clients also say
// "moby" for image, and "registry" for one that is pushed. nullopt for another word.
std::optional<OutputType> parse_output_type(std::string_view word);
std::string_view name_of(OutputType type);

// The files of one platform's image.
struct ExportedTree {
  // Of its directory, "linux_arm64"; "" where there is none. Several without one have no file in
  // common.
  std::string name;
  Path root;                                     // a read-only mount
  std::optional<TimePoint> time = std::nullopt;  // of all its files, in place of their own
};

// Takes the files of an output of type local.
class TreeReceiver {
 public:
  virtual ~TreeReceiver() = default;
  // The mounts last as long as the call does.
  virtual Result<> receive(std::span<const ExportedTree> trees, const CancelToken& cancel) = 0;
};

// Takes the blobs of an output of type oci or docker that is to be a directory, each once.
class BlobReceiver {
 public:
  virtual ~BlobReceiver() = default;
  // `bytes` need not be read to their end: who has the blob already reads none of them.
  virtual Result<> receive(const oci::Digest& blob, uint64_t size, Source& bytes) = 0;
};

struct Output {
  OutputType type = OutputType::kImage;
  // docs/cli.md lists them. One that is unknown, or of no use for the type, is refused before
  // anything is built.
  std::map<std::string, std::string> attributes;
  Sink* file = nullptr;           // of tar, oci and docker; and of local, which is a tar then
  TreeReceiver* trees = nullptr;  // of local, where there is no `file`
  BlobReceiver* blobs = nullptr;  // of oci and docker, where there is no `file`
};

}  // namespace skiff::builder
