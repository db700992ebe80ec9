#include "buildkit/file_sync.h"

#include <algorithm>
#include <array>

#include "base/io.h"
#include "base/strings.h"
#include "builder/untar.h"
#include "buildkit/fsutil_receiver.h"
#include "control.pb.h"
#include "net/http.h"
#include "session.pb.h"
#include "sys/root_dir.h"

namespace skiff::buildkit {

namespace {

constexpr const char* kPull = "/moby.upload.v1.Upload/Pull";
constexpr std::string_view kUploadHost = "buildkit-session";
constexpr const char* kDiffCopy = "/moby.filesync.v1.FileSync/DiffCopy";
constexpr size_t kMaxNames = size_t{4} << 20U;  // bytes of what tells them

// Fields of HTTP are ASCII: values that are not come encoded, and a field more says so.
void add_values(Metadata& metadata, const std::string& key,
                const std::vector<std::string>& values) {
  const bool plain = std::ranges::all_of(values, [](const std::string& value) {
    return std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~'; });
  });
  for (const std::string& value : values) {
    metadata.emplace(key, plain ? value : net::url_encode(value));
  }
  if (!plain) metadata.emplace(cat(key, "-encoded"), "1");
}

// A byte stream in messages.
class UploadSource : public Source {
 public:
  explicit UploadSource(RpcClientCall& call) : call_(call) {}

  Result<size_t> read(std::span<char> buffer) override {
    while (rest_.empty()) {
      const std::optional<std::string> message = TRY(call_.read());
      if (!message) return size_t{0};
      if (!piece_.ParseFromString(*message)) {
        return Error(Code::kInvalidArgument, "a piece of the client's tar cannot be read");
      }
      rest_ = piece_.data();
    }
    const size_t n = rest_.copy(buffer.data(), buffer.size());
    rest_.remove_prefix(n);
    return n;
  }

  // How the call ended.
  Result<> finish() { return call_.finish(); }

 private:
  RpcClientCall& call_;
  wire::BytesMessage piece_;
  std::string_view rest_;
};

class CountedSource : public Source {
 public:
  CountedSource(Source& from, const std::function<void(uint64_t)>& progress)
      : from_(from), progress_(progress) {}
  Result<size_t> read(std::span<char> buffer) override {
    const size_t n = TRY(from_.read(buffer));
    progress_(bytes_ += n);
    return n;
  }

 private:
  Source& from_;
  const std::function<void(uint64_t)>& progress_;
  uint64_t bytes_ = 0;
};

// Values of any bytes: each with its length.
std::string key_of(const Session& session, const SyncRequest& request) {
  std::string key;
  const auto add = [&](const std::string& value) { key += cat(value.size(), ":", value); };
  add(session.facts().shared_key);
  add(request.directory);
  key += cat(request.follow.size(), ";");
  for (const auto* values : {&request.follow, &request.exclude})
    std::ranges::for_each(*values, add);
  return key;
}

std::unique_ptr<RpcClientCall> call_for(Session& session, const SyncRequest& request,
                                        const CancelToken& cancel) {
  Metadata metadata;
  add_values(metadata, "dir-name", {request.directory});
  add_values(metadata, "followpaths", request.follow);
  add_values(metadata, "exclude-patterns", request.exclude);
  return session.channel().call(kDiffCopy, metadata, cancel);
}

// All that the sender tells before it waits to be asked.
Result<std::vector<std::string>> read_names(RpcClientCall& call, const std::string& below) {
  std::vector<std::string> out;
  for (size_t bytes = 0; bytes < kMaxNames;) {
    const std::optional<std::string> message = TRY(call.read());
    wire::Packet packet;
    if (!message || !packet.ParseFromString(*message) || packet.type() != wire::Packet::STAT) {
      return Error(Code::kUnavailable, "the client does not tell its files");
    }
    if (!packet.has_stat()) return out;
    bytes += message->size();
    std::string_view path = packet.stat().path();
    if (!path.starts_with(below)) continue;  // a directory above
    path.remove_prefix(below.size());
    if (!path.empty() && path.find('/') == path.npos) out.emplace_back(path);
  }
  return Error(Code::kResourceExhausted, "the client tells of too many files");
}

Result<> check_files(const Session& session) {
  if (session.answers(kDiffCopy)) return {};
  return Error(Code::kFailedPrecondition, "the client's session has no files");
}

Result<> receive(FsutilReceiver& receiver, RpcClientCall* call,
                 const std::function<void(uint64_t)>& progress, const CancelToken& cancel) {
  for (bool all = false; !all;) {
    const std::optional<std::string> packet = TRY(call->read());
    if (!packet) {
      TRY(cancel.check());
      TRY(call->finish());
      return Error(Code::kUnavailable, "the client stopped sending files");
    }
    all = TRY(receiver.take(*packet));
    progress(receiver.bytes());
  }
  TRY(call->finish_writing());
  while (TRY(call->read())) {
  }
  return call->finish();
}

}  // namespace

Result<> sync_files(Session& session, const SyncRequest& request,
                    const std::function<void(uint64_t)>& progress, const CancelToken& cancel) {
  TRY(check_files(session));
  const sys::RootDir root = TRY(sys::RootDir::open(request.into));
  const auto call = call_for(session, request, cancel);
  FsutilReceiver receiver(root, [&](std::string_view packet) { return call->write(packet); });
  return receive(receiver, call.get(), progress, cancel);
}

Result<std::optional<builder::LocalSources::Use>> sync_source(
    Session& session, const SyncRequest& request, builder::LocalSources& sources,
    const std::function<void(uint64_t)>& progress, const CancelToken& cancel) {
  using Use = std::optional<builder::LocalSources::Use>;
  TRY(check_files(session));
  auto turn = TRY(sources.begin(key_of(session, request), request.directory, cancel));
  if (!turn) return Use();
  builder::LocalSources::Transfer& transfer = *turn;
  std::optional<sys::RootDir> root;
  const auto change = [&]() -> Result<FsutilReceiver::Target> {
    const builder::LocalSources::Place place = TRY(transfer.change());
    root = TRY(sys::RootDir::open(place.files));
    return FsutilReceiver::Target{.root = &*root, .empty = place.empty};
  };
  const FsutilReceiver::Known known{
      .record = transfer.record(),
      .change = change,
      .began = sources.now(),
      .on_file = [&](int fd, const std::string& hex) { sources.remember(fd, hex); }};
  const auto call = call_for(session, request, cancel);
  FsutilReceiver receiver(known, [&](std::string_view packet) { return call->write(packet); });
  const auto go_on = [&](uint64_t bytes) {
    transfer.progressed();
    progress(bytes);
  };
  TRY(receive(receiver, call.get(), go_on, cancel));
  if (!receiver.changed()) return Use(transfer.share());
  return Use(TRY(transfer.keep(receiver.record())));
}

Result<std::vector<std::string>> sync_names(Session& session, const SyncRequest& request,
                                            const std::string& path, const CancelToken& cancel) {
  TRY(check_files(session));
  if (path.find_first_of("*?[]^\\!") != std::string::npos) {
    return Error(Code::kInvalidArgument, cat("no pattern says ", quoted(path)));
  }
  const std::string below = path.empty() ? "" : cat(path, "/");
  std::vector<std::string> exclude = request.exclude;
  exclude.push_back(cat(below, "*/*"));  // after exceptions: the last one that matches counts
  Metadata metadata;
  add_values(metadata, "dir-name", {request.directory});
  add_values(metadata, "include-patterns", {cat(below, "*")});
  add_values(metadata, "exclude-patterns", exclude);
  const auto call = session.channel().call(kDiffCopy, metadata, cancel);
  std::vector<std::string> out = TRY(read_names(*call, below));
  wire::Packet end;
  end.set_type(wire::Packet::FIN);
  TRY(write_message(*call, end));
  TRY(call->finish_writing());
  while (TRY(call->read())) {
  }
  TRY(call->finish());
  return out;
}

Result<> unpack_tar(Source& tar, const Path& into, const std::function<void(uint64_t)>& progress,
                    const CancelToken& cancel) {
  CountedSource counted(tar, progress);
  const sys::RootDir root = TRY(sys::RootDir::open(into));
  TRY_CONTEXT(builder::untar(counted, root, "", {}, cancel), "build context");
  std::array<char, size_t{16} << 10U> rest;
  while (TRY(counted.read(rest)) > 0) {
  }
  return {};
}

Result<> unpack_upload(Session& session, const std::string& path, const Path& into,
                       const std::function<void(uint64_t)>& progress, const CancelToken& cancel) {
  const auto call = session.channel().call(
      kPull, {{"urlpath", path}, {"urlhost", std::string(kUploadHost)}}, cancel);
  UploadSource source(*call);
  TRY(unpack_tar(source, into, progress, cancel));
  return source.finish();
}

}  // namespace skiff::buildkit
