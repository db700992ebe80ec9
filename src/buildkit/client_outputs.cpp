#include "buildkit/client_outputs.h"

#include <algorithm>

#include "base/strings.h"
#include "base/truth.h"
#include "buildkit/client_content.h"
#include "buildkit/fsutil_sender.h"
#include "control.pb.h"

namespace skiff::buildkit {

namespace {

constexpr const char* kSend = "/moby.filesync.v1.FileSend/DiffCopy";
// Which of the client's outputs a call is for: its number in the request.
constexpr const char* kOutputNumber = "buildkit-attachable-exporter-id";
// Clients take messages of 4 MB at least.
constexpr size_t kOutputPiece = size_t{1} << 20U;

}  // namespace

// One output on its way to the client. The call begins with the first byte: until then the client
// makes no file.
class ClientStream : public Sink, public builder::TreeReceiver {
 public:
  ClientStream(std::shared_ptr<Session> session, std::string number, std::string what,
               ProgressWriter& progress, CancelToken cancel)
      : session_(std::move(session)),
        number_(std::move(number)),
        what_(std::move(what)),
        progress_(progress),
        cancel_(std::move(cancel)) {}
  ~ClientStream() override { end("canceled"); }

  Result<> write(std::string_view bytes) override {
    begin();
    while (!bytes.empty()) {
      const std::string_view piece = bytes.substr(0, kOutputPiece - waiting_.size());
      waiting_ += piece;
      bytes.remove_prefix(piece.size());
      if (waiting_.size() == kOutputPiece) TRY(send(*call_));
    }
    return {};
  }

  Result<> receive(std::span<const builder::ExportedTree> trees,
                   const CancelToken& cancel) override {
    std::vector<builder::ExportedTree> sorted(trees.begin(), trees.end());
    std::ranges::sort(sorted, {}, &builder::ExportedTree::name);
    const std::span<const builder::ExportedTree> all(sorted);
    // Within a call paths are in order: trees that share a directory come one after the other.
    const size_t at_once = all.empty() || all.front().name.empty() ? 1 : all.size();
    for (size_t i = 0; i < all.size(); i += at_once) {
      TRY(close());
      begin();
      TRY(send_trees(*call_, all.subspan(i, at_once), cancel));
    }
    return {};
  }

  Result<> finish() {
    Result<> done = close();
    end(done ? "" : done.error().message());
    return done;
  }

 private:
  void begin() {
    if (call_ != nullptr) return;
    if (vertex_.empty()) vertex_ = progress_.start(what_);
    call_ = session_->channel().call(kSend, {{kOutputNumber, number_}}, cancel_);
  }

  // The client has all of the call.
  Result<> close() {
    const auto call = std::move(call_);
    if (call == nullptr) return {};
    if (!waiting_.empty()) TRY(send(*call));
    TRY(call->finish_writing());
    while (TRY(call->read())) {
    }
    return call->finish().context(what_);
  }

  void end(std::string_view error) {
    if (!vertex_.empty()) progress_.finish(vertex_, error);
    vertex_.clear();
  }

  Result<> send(RpcClientCall& call) {
    wire::BytesMessage message;
    message.set_data(std::exchange(waiting_, {}));
    sent_ += message.data().size();
    if (auto written = write_message(call, message); !written) {
      // Why it takes no more the client has said, where it is still there.
      TRY(cancel_.check());
      TRY_CONTEXT(call.finish(), what_);
      return written;
    }
    progress_.count(vertex_, "transferring:", static_cast<int64_t>(sent_), 0, false);
    return {};
  }

  std::shared_ptr<Session> session_;
  std::string number_;
  std::string what_;
  ProgressWriter& progress_;
  CancelToken cancel_;
  std::string vertex_;
  std::string waiting_;
  uint64_t sent_ = 0;
  std::unique_ptr<RpcClientCall> call_;
};

// A layout that is a directory of the client's. The client writes its index when the build is over,
// by the descriptor and the names that it is told; it has one such directory.
class ClientLayout : public builder::BlobReceiver {
 public:
  ClientLayout(std::shared_ptr<Session> session, ProgressWriter& progress, CancelToken cancel)
      : content_(std::move(session), "export", std::move(cancel)), progress_(progress) {}
  ~ClientLayout() override { end("canceled"); }

  Result<> receive(const oci::Digest& blob, uint64_t size, Source& bytes) override {
    if (vertex_.empty()) vertex_ = progress_.start("sending output as a directory");
    const auto written = content_.write({.digest = blob, .size = size}, bytes);
    if (!written) return shown_failure(written.error());
    if (*written) sent_ += size;
    progress_.count(vertex_, "transferring:", static_cast<int64_t>(sent_), 0, false);
    return {};
  }

  void end(std::string_view error) {
    if (!vertex_.empty()) progress_.finish(vertex_, error);
    vertex_.clear();
  }

 private:
  Error shown_failure(Error error) {
    if (error.code() != Code::kCancelled) end(error.message());
    return error;
  }

  ClientContent content_;
  ProgressWriter& progress_;
  std::string vertex_;
  uint64_t sent_ = 0;
};

namespace {

using builder::OutputType;

bool goes_to_client(OutputType type) {
  return type != OutputType::kImage && type != OutputType::kNone;
}

bool is_true(const builder::Output& output, const std::string& attribute) {
  const auto found = output.attributes.find(attribute);
  return found != output.attributes.end() &&
         (found->second.empty() || parse_bool(found->second).value_or(false));
}

Result<builder::Output> output_of(const ServiceSpec& exporter) {
  const auto type = builder::parse_output_type(exporter.type);
  if (!type) {
    return Error(Code::kUnimplemented, cat("exporter ", quoted(exporter.type), " is not served"));
  }
  return builder::Output{.type = *type, .attributes = exporter.attrs};
}

// Such a client takes blobs one by one.
bool is_directory(const builder::Output& output) {
  const auto tar = output.attributes.find("tar");
  const bool is_layout = output.type == OutputType::kOci || output.type == OutputType::kDocker;
  return is_layout && tar != output.attributes.end() && parse_bool(tar->second) == false;
}

// A client's library of that protocol has room for the blobs of one, and would put those of both
// there.
Error second_directory(const ServiceSpec& exporter) {
  return {Code::kUnimplemented, cat("exporter ", exporter.type,
                                    ": tar=false: only one output of a build can be a layout ",
                                    "in a directory of the client's")};
}

}  // namespace

ClientOutputs::ClientOutputs() = default;
ClientOutputs::ClientOutputs(ClientOutputs&&) noexcept = default;
ClientOutputs& ClientOutputs::operator=(ClientOutputs&&) noexcept = default;
ClientOutputs::~ClientOutputs() = default;

Result<ClientOutputs> ClientOutputs::make(const std::vector<ServiceSpec>& exporters,
                                          const std::shared_ptr<Session>& session,
                                          ProgressWriter& progress, const CancelToken& cancel) {
  ClientOutputs out;
  for (size_t i = 0; i < exporters.size(); ++i) {
    builder::Output output = TRY(output_of(exporters[i]));
    if (is_directory(output)) {
      if (!out.layouts_.empty()) return second_directory(exporters[i]);
      out.layouts_.push_back(std::make_unique<ClientLayout>(session, progress, cancel));
      output.blobs = out.layouts_.back().get();
    } else if (goes_to_client(output.type)) {
      if (!session->answers(kSend)) {
        return Error(Code::kFailedPrecondition,
                     cat("exporter ", exporters[i].type, ": the client's session takes no files"));
      }
      out.streams_.push_back(std::make_unique<ClientStream>(
          session, std::to_string(i), cat("sending output type=", builder::name_of(output.type)),
          progress, cancel));
      if (output.type == OutputType::kLocal) {
        output.trees = out.streams_.back().get();
      } else {
        output.file = out.streams_.back().get();
      }
    }
    TRY(out.take(output));
  }
  // A client that names no output wants the cache alone.
  if (out.outputs_.empty()) out.outputs_.push_back({.type = OutputType::kNone});
  return out;
}

Result<> ClientOutputs::take(const builder::Output& output) {
  outputs_.push_back(output);
  if (output.type == OutputType::kImage) keeps_image_ = true;
  if (output.type == OutputType::kImage || output.type == OutputType::kOci ||
      output.type == OutputType::kDocker) {
    has_image_ = true;
  }
  const auto names = output.attributes.find("name");
  if (names == output.attributes.end()) return {};
  for (const std::string& name : split(names->second, ',')) {
    if (trim(name).empty()) continue;
    const auto reference = TRY(oci::Reference::parse(trim(name)));
    const bool by_digest = is_true(output, "push-by-digest");
    names_.push_back(by_digest ? reference : reference.with_default_tag());
  }
  return {};
}

Result<> ClientOutputs::finish() {
  for (const auto& stream : streams_) TRY(stream->finish());
  for (const auto& layout : layouts_) layout->end("");
  return {};
}

}  // namespace skiff::buildkit
