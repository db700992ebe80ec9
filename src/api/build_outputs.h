// The outputs of POST /build: what the parameter `outputs` asks for, and the frames in which an
// output's bytes reach the client.
#pragma once

#include <memory>
#include <vector>

#include "api/progress_stream.h"
#include "builder/builder.h"

namespace skiff::api {

class BuildOutputs {
 public:
  BuildOutputs();
  BuildOutputs(BuildOutputs&&) noexcept;
  ~BuildOutputs();
  // Of `outputs=[{"Type": "tar", "Attrs": {...}}, ...]`.
  static Result<BuildOutputs> decode(const Call& call);

  // As the client takes them, its Accept header says.
  ProgressStream::Framing framing() const { return framing_; }
  // Whether an image gets its names in the store.
  bool tags_image() const;
  // Puts them into the request; their bytes go to `stream`, which outlives the build.
  Result<> attach(builder::BuildRequest& request, ProgressStream& stream);
  // Sends what is left, and an empty frame for each: it is whole.
  Result<> finish();

 private:
  class Frames;
  std::vector<builder::Output> outputs_;
  std::vector<std::unique_ptr<Frames>> frames_;
  ProgressStream::Framing framing_ = ProgressStream::Framing::kLines;
};

}  // namespace skiff::api
