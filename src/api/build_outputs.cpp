#include "api/build_outputs.h"

#include <algorithm>

#include "api/build_arguments.h"
#include "base/strings.h"

namespace skiff::api {

namespace {

// The stream number of the first output's bytes; the second has the next one.
constexpr int kFirstStream = 16;
constexpr size_t kMostOutputs = 64;

bool has_bytes(builder::OutputType type) {
  using enum builder::OutputType;
  return type == kTar || type == kLocal || type == kOci || type == kDocker;
}

Result<builder::Output> decode_one(const OutputWish& wish) {
  const auto type = builder::parse_output_type(wish.type);
  if (!type) {
    return Error(Code::kInvalidArgument,
                 cat("outputs: unknown type ", quoted(wish.type),
                     ": it is one of image, local, tar, oci, docker and cacheonly"));
  }
  builder::Output out{.type = *type, .attributes = wish.attributes};
  if (wish.type == "registry") out.attributes["push"] = "true";
  return out;
}

}  // namespace

// Small writes are sent together.
class BuildOutputs::Frames : public Sink {
 public:
  Frames(ProgressStream& stream, int number) : stream_(stream), number_(number) {}
  Result<> write(std::string_view bytes) override {
    pending_.append(bytes);
    return pending_.size() < kFull ? Result<>() : flush();
  }
  Result<> finish() {
    if (!pending_.empty()) TRY(flush());
    return stream_.bytes(number_, "");
  }

 private:
  static constexpr size_t kFull = size_t{64} << 10U;
  Result<> flush() { return stream_.bytes(number_, std::exchange(pending_, {})); }

  ProgressStream& stream_;
  const int number_;
  std::string pending_;
};

BuildOutputs::BuildOutputs() = default;
BuildOutputs::BuildOutputs(BuildOutputs&&) noexcept = default;
BuildOutputs::~BuildOutputs() = default;

Result<BuildOutputs> BuildOutputs::decode(const Call& call) {
  BuildOutputs out;
  if (call.arg("outputs").empty()) return out;
  const std::vector<OutputWish> wishes = TRY(outputs_argument(call));
  if (wishes.size() > kMostOutputs) {
    return Error(Code::kInvalidArgument, cat("outputs: more than ", kMostOutputs));
  }
  for (const OutputWish& wish : wishes) out.outputs_.push_back(TRY(decode_one(wish)));
  constexpr std::string_view kFrames = "application/vnd.docker.multiplexed-stream";
  if (call.request.headers.get("Accept").find(kFrames) != std::string::npos) {
    out.framing_ = ProgressStream::Framing::kFrames;
  }
  return out;
}

bool BuildOutputs::tags_image() const {
  return outputs_.empty() ||
         std::ranges::count(outputs_, builder::OutputType::kImage, &builder::Output::type) > 0;
}

Result<> BuildOutputs::attach(builder::BuildRequest& request, ProgressStream& stream) {
  int number = kFirstStream;
  for (builder::Output& output : outputs_) {
    const int own = number++;
    if (!has_bytes(output.type)) continue;
    if (framing_ != ProgressStream::Framing::kFrames) {
      return Error(Code::kInvalidArgument,
                   cat("outputs: type ", builder::name_of(output.type),
                       " needs a client that accepts application/vnd.docker.multiplexed-stream"));
    }
    frames_.push_back(std::make_unique<Frames>(stream, own));
    output.file = frames_.back().get();
  }
  request.outputs = outputs_;
  return {};
}

Result<> BuildOutputs::finish() {
  for (const auto& frames : frames_) TRY(frames->finish());
  return {};
}

}  // namespace skiff::api
