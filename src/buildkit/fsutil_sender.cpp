#include "buildkit/fsutil_sender.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "base/io.h"
#include "base/strings.h"
#include "buildkit/go_mode.h"
#include "session.pb.h"
#include "sys/root_dir.h"

namespace skiff::buildkit {

namespace {

constexpr size_t kFilePiece = size_t{32} << 10U;

// What the receiver asks for, read by a thread of its own: it asks while it is still being told.
class Requests {
 public:
  explicit Requests(RpcStream& stream) : stream_(stream), reader_([this] { read(); }) {}
  Requests(const Requests&) = delete;
  Requests& operator=(const Requests&) = delete;
  // The stream has ended by then, or its other user cancels it.
  ~Requests() { reader_.join(); }

  // The next file wanted; nullopt: the receiver has all.
  Result<std::optional<uint32_t>> next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return over_ || !wanted_.empty(); });
    if (!wanted_.empty()) {
      const uint32_t id = wanted_.front();
      wanted_.pop_front();
      return std::optional(id);
    }
    TRY(result_);
    return std::optional<uint32_t>();
  }

 private:
  void read() {
    Result<> result = take_all();
    const std::scoped_lock lock(mutex_);
    result_ = std::move(result);
    over_ = true;
    changed_.notify_all();
  }

  Result<> take_all() {
    for (;;) {
      const std::optional<std::string> bytes = TRY(stream_.read());
      wire::Packet packet;
      if (!bytes) return Error(Code::kUnavailable, "the client takes no more files");
      if (!packet.ParseFromString(*bytes)) {
        return Error(Code::kInvalidArgument, "the client's answer to files cannot be read");
      }
      if (packet.type() == wire::Packet::FIN) return {};
      if (packet.type() == wire::Packet::ERR) {
        return Error(Code::kUnknown, cat("the client cannot keep the files: ", packet.data()));
      }
      if (packet.type() != wire::Packet::REQ) continue;
      const std::scoped_lock lock(mutex_);
      wanted_.push_back(packet.id());
      changed_.notify_all();
    }
  }

  RpcStream& stream_;
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::deque<uint32_t> wanted_;
  bool over_ = false;
  Result<> result_;
  std::thread reader_;  // last: it uses the rest
};

class Sender {
 public:
  Sender(RpcStream& stream, const CancelToken& cancel) : stream_(stream), cancel_(cancel) {}

  Result<> tell(const builder::ExportedTree& tree) {
    roots_.push_back(TRY(sys::RootDir::open(tree.root)));
    links_.clear();
    time_ = tree.time;
    if (!tree.name.empty()) {
      wire::Packet packet;
      packet.mutable_stat()->set_path(tree.name);
      packet.mutable_stat()->set_mode(kGoDirectory | 0755U);
      if (time_) packet.mutable_stat()->set_mod_time(unix_nanos(*time_));
      TRY(write_message(stream_, packet));
      ++next_id_;
    }
    return tell_directory("", tree.name.empty() ? "" : cat(tree.name, "/"));
  }

  Result<> serve(Requests& requests) {
    TRY(write_message(stream_, wire::Packet()));  // a Stat of nothing: that was the last
    while (const std::optional<uint32_t> id = TRY(requests.next())) TRY(send_file(*id));
    wire::Packet end;
    end.set_type(wire::Packet::FIN);
    return write_message(stream_, end);
  }

 private:
  struct File {
    size_t root = 0;
    std::string path;
  };

  Result<std::vector<std::string>> names_in(const std::string& directory) {
    UniqueFd fd = TRY(roots_.back().open_at(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    DIR* listing = ::fdopendir(fd.get());
    if (listing == nullptr) return Error::from_errno(errno, cat("list ", directory));
    fd.release();
    std::vector<std::string> out;
    while (const dirent* entry = ::readdir(listing)) out.emplace_back(entry->d_name);
    ::closedir(listing);
    std::erase_if(out, [](const std::string& name) { return name == "." || name == ".."; });
    std::ranges::sort(out);
    return out;
  }

  Result<> tell_directory(const std::string& directory, const std::string& prefix) {
    for (const std::string& name : TRY(names_in(directory))) {
      TRY(cancel_.check());
      const std::string path = directory.empty() ? name : cat(directory, "/", name);
      const struct stat st = TRY(roots_.back().lstat(path));
      TRY(tell_entry(path, cat(prefix, path), st));
      if (S_ISDIR(st.st_mode)) TRY(tell_directory(path, prefix));
    }
    return {};
  }

  Result<> tell_entry(const std::string& path, const std::string& told, const struct stat& st) {
    constexpr int64_t kNanos = 1'000'000'000;
    wire::Packet packet;
    wire::Stat& stat = *packet.mutable_stat();
    stat.set_path(told);
    stat.set_mode(to_go_mode(st.st_mode));
    stat.set_uid(st.st_uid);
    stat.set_gid(st.st_gid);
    stat.set_mod_time(time_ ? unix_nanos(*time_) : st.st_mtim.tv_sec * kNanos + st.st_mtim.tv_nsec);
    if (S_ISREG(st.st_mode)) stat.set_size(st.st_size);
    if (S_ISLNK(st.st_mode)) {
      const sys::Place place = TRY(roots_.back().place_of(path));
      stat.set_linkname(TRY(read_link_at(place.parent.get(), place.name)));
    }
    if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
      stat.set_devmajor(major(st.st_rdev));
      stat.set_devminor(minor(st.st_rdev));
    }
    const uint32_t id = next_id_++;
    if (S_ISREG(st.st_mode)) {
      const bool linked = st.st_nlink > 1;
      const auto [first, is_new] = links_.try_emplace({st.st_dev, st.st_ino}, told);
      if (linked && !is_new) stat.set_linkname(first->second);
      if (!linked) links_.erase(first);
      files_[id] = {roots_.size() - 1, path};
    }
    return write_message(stream_, packet);
  }

  Result<> send_file(uint32_t id) {
    const auto found = files_.find(id);
    if (found == files_.end()) {
      return Error(Code::kInvalidArgument, cat("the client asks for file ", id, ", which is none"));
    }
    const File& file = found->second;
    const UniqueFd fd = TRY(roots_[file.root].open_at(file.path, O_RDONLY | O_NOFOLLOW));
    FdSource source(fd.get());
    std::array<char, kFilePiece> buffer;
    for (;;) {
      TRY(cancel_.check());
      const size_t n = TRY(source.read(buffer));
      wire::Packet packet;
      packet.set_type(wire::Packet::DATA);
      packet.set_id(id);
      packet.set_data(buffer.data(), n);
      TRY(write_message(stream_, packet));
      if (n == 0) break;
    }
    files_.erase(found);
    return {};
  }

  RpcStream& stream_;
  const CancelToken& cancel_;
  std::vector<sys::RootDir> roots_;
  std::optional<TimePoint> time_;  // of all files of the last root
  uint32_t next_id_ = 0;
  std::map<uint32_t, File> files_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;  // the first path of each
};

}  // namespace

Result<> send_trees(RpcClientCall& call, std::span<const builder::ExportedTree> trees,
                    const CancelToken& cancel) {
  Requests requests(call);
  Sender sender(call, cancel);
  Result<> sent;
  for (const builder::ExportedTree& tree : trees) {
    if (sent) sent = sender.tell(tree);
  }
  if (sent) sent = sender.serve(requests);
  if (!sent) call.cancel();  // the reader waits for more
  return sent;
}

}  // namespace skiff::buildkit
