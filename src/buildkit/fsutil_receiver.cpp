#include "buildkit/fsutil_receiver.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>

#include "base/io.h"
#include "base/strings.h"
#include "builder/stat_cache.h"
#include "buildkit/go_mode.h"
#include "session.pb.h"

namespace skiff::buildkit {

namespace {

// The sender stops listening while it has more than 128 requests to serve.
constexpr size_t kMaxIncoming = 96;
constexpr size_t kMaxPath = 4096;
constexpr size_t kMaxAttributes = 64;
constexpr size_t kMaxAttributeBytes = size_t{64} << 10U;
// Of what is kept of an entry, or of an attribute, beside its text.
constexpr size_t kRecordOverhead = 128;

// Those that a file of a build context may bring along.
bool is_wanted(const std::string& attribute) {
  return attribute == "security.capability" || attribute.starts_with("user.");
}

Error refused(const std::string& path, std::string_view why) {
  return Error(Code::kInvalidArgument, cat("the client sends ", quoted(path), ": ", why));
}

timespec to_timespec(int64_t nanoseconds) {
  constexpr int64_t kNanos = 1'000'000'000;
  int64_t rest = nanoseconds % kNanos;
  if (rest < 0) rest += kNanos;
  return {.tv_sec = (nanoseconds - rest) / kNanos, .tv_nsec = rest};
}

Result<> set_attributes(int fd, uint32_t mode, int64_t mtime,
                        const std::map<std::string, std::string>& attributes,
                        const std::string& path) {
  for (const auto& [name, value] : attributes) {
    // Not every file system has them; what needs them says so.
    [[maybe_unused]] const int set = ::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0);
  }
  const timespec time = to_timespec(mtime);
  const timespec times[] = {time, time};
  if (::fchmod(fd, mode) != 0 || ::futimens(fd, times) != 0) {
    return Error::from_errno(errno, cat("set mode and time of ", path));
  }
  return {};
}

}  // namespace

struct FsutilReceiver::Told {
  std::string path;
  uint32_t go_mode = 0;
  std::string link;

  bool is(uint32_t type) const { return (go_mode & kGoType) == type; }
};

Result<bool> FsutilReceiver::take(std::string_view packet) {
  bytes_ += packet.size();
  if (comes_as_before(packet)) return false;
  // The last word of them all is empty.
  const bool as_ever = as_before_ && (all_told_ || (as_before_->at_end() && packet.empty()));
  if (as_before_ && !as_ever) TRY(catch_up());
  return take_packet(packet);
}

// Of thousands of files most often none has changed, and then they are told of in the same bytes.
bool FsutilReceiver::comes_as_before(std::string_view packet) {
  if (!as_before_) return false;
  TreeRecordReader next = *as_before_;
  if (!next.next() || !next.telling() || next.packet() != packet) return false;
  as_before_ = next;
  ++as_before_count_;
  return true;
}

Result<> FsutilReceiver::catch_up() {
  as_before_.reset();
  TreeRecordReader come(known_->record);
  for (uint32_t i = 0; i < as_before_count_ && come.next(); ++i) TRY(take_packet(come.packet()));
  return {};
}

Result<bool> FsutilReceiver::take_packet(std::string_view packet) {
  wire::Packet& message = *packet_;
  if (!message.ParseFromArray(packet.data(), static_cast<int>(packet.size()))) {
    return Error(Code::kInvalidArgument, "a packet of the client's files cannot be read");
  }
  switch (message.type()) {
    case wire::Packet::STAT: {
      if (all_told_) return Error(Code::kInvalidArgument, "the client sends files after the last");
      TRY(message.has_stat() ? take_stat(packet, message.stat()) : all_told());
      return false;
    }
    case wire::Packet::DATA:
      TRY(take_data(message.id(), message.data()));
      return false;
    case wire::Packet::FIN:
      if (finished_) return true;
      return Error(Code::kInvalidArgument, "the client ends before all of its files are sent");
    case wire::Packet::ERR:
      return Error(Code::kUnknown, cat("the client cannot send its files: ", message.data()));
    default:
      return Error(Code::kInvalidArgument,
                   cat("the client sends a packet of kind ", static_cast<int>(message.type())));
  }
}

FsutilReceiver::FsutilReceiver(Known known, Send send)
    : packet_(std::make_unique<wire::Packet>()), send_(std::move(send)), known_(std::move(known)) {
  if (known_->record.empty()) return;
  comparison_.emplace(known_->record);
  as_before_.emplace(known_->record);
}

FsutilReceiver::FsutilReceiver(const sys::RootDir& root, Send send, Limits limits)
    : packet_(std::make_unique<wire::Packet>()),
      root_(&root),
      send_(std::move(send)),
      limits_(limits) {}

FsutilReceiver::~FsutilReceiver() = default;

Result<> FsutilReceiver::take_stat(std::string_view packet, const wire::Stat& stat) {
  if (next_id_ == limits_.entries) {
    return Error(Code::kResourceExhausted,
                 cat("the client sends more than ", limits_.entries, " files"));
  }
  const uint32_t id = next_id_++;
  TRY(check_path(stat));
  if (known_) {
    TRY(keep(packet.size()));
    const TimePoint changed{std::chrono::nanoseconds(stat.mod_time())};
    const bool settled = changed < known_->began - builder::StatCache::kGranularity;
    record_.add(packet, settled, is_telling(stat, settled));
  }
  if (comparison_) {
    comparison_->take(packet, stat);
    return {};
  }
  if (root_ == nullptr) root_ = TRY(known_->change()).root;
  Entry entry = TRY(entry_of(stat));
  return make(id, {stat.path(), stat.mode(), stat.linkname()}, std::move(entry));
}

// What TreeComparison finds where all before it is the same.
bool FsutilReceiver::is_telling(const wire::Stat& stat, bool settled) const {
  if ((stat.mode() & kGoType) != 0 || !stat.linkname().empty()) return true;
  return settled && (is_exact(stat) || (!parents_.empty() && parents_.back().exact));
}

Result<> FsutilReceiver::all_told() {
  all_told_ = true;
  if (as_before_) return ask_for_more();
  if (comparison_) {
    comparison_->end();
    if (comparison_->changed()) TRY(apply_changes());
  } else if (root_ == nullptr) {
    root_ = TRY(known_->change()).root;  // of no files
  }
  return ask_for_more();
}

Result<> FsutilReceiver::apply_changes() {
  const Target target = TRY(known_->change());
  root_ = target.root;
  in_place_ = !target.empty;
  if (in_place_) {
    const std::vector<std::string>& gone = comparison_->gone();
    for (auto path = gone.rbegin(); path != gone.rend(); ++path) TRY(clear(*path));
  }
  TreeRecordReader told(record_.bytes());
  for (uint32_t id = 0; told.next(); ++id) {
    wire::Packet packet;
    packet.ParseFromArray(told.packet().data(), static_cast<int>(told.packet().size()));
    const wire::Stat& stat = packet.stat();
    const bool stays = in_place_ && comparison_->same()[id];
    // What changes in a directory changes its time.
    if (stays && (stat.mode() & kGoType) != kGoDirectory) continue;
    Entry entry = TRY(entry_of(stat));
    TRY(make(id, {stat.path(), stat.mode(), stat.linkname()}, std::move(entry)));
  }
  return {};
}

// Makes place for another file; nothing that is still needed is below it.
Result<> FsutilReceiver::clear(const std::string& path) {
  const sys::Place place = TRY(root_->place_of(path));
  for (const int flag : {0, AT_REMOVEDIR}) {
    if (::unlinkat(place.parent.get(), place.name.c_str(), flag) == 0 || errno == ENOENT) return {};
  }
  return Error::from_errno(errno, cat("remove ", path));
}

Result<FsutilReceiver::Entry> FsutilReceiver::entry_of(const wire::Stat& stat) {
  Entry entry{.path = stat.path(), .mode = from_go_mode(stat.mode()), .mtime = stat.mod_time()};
  size_t bytes = 0;
  for (const auto& [name, value] : stat.xattrs()) {
    if (!is_wanted(name)) continue;
    if (entry.attributes.size() == kMaxAttributes) {
      return Error(Code::kResourceExhausted,
                   cat("the client sends ", quoted(entry.path), ": it has more than ",
                       kMaxAttributes, " extended attributes"));
    }
    bytes += name.size() + value.size();
    entry.attributes[name] = value;
  }
  if (bytes > kMaxAttributeBytes) {
    return Error(Code::kResourceExhausted,
                 cat("the client sends ", quoted(entry.path), ": its extended attributes have ",
                     bytes, " bytes; at most ", kMaxAttributeBytes, " are taken"));
  }
  return entry;
}

size_t FsutilReceiver::memory_of(const Entry& entry) {
  size_t out = kRecordOverhead + entry.path.size();
  for (const auto& [name, value] : entry.attributes)
    out += kRecordOverhead + name.size() + value.size();
  return out;
}

Result<> FsutilReceiver::keep(size_t memory) {
  kept_ += memory;
  if (kept_ <= limits_.memory) return {};
  return Error(Code::kResourceExhausted,
               cat("the client's files: what is told of them takes more than ", limits_.memory,
                   " bytes of memory"));
}

// Order is that of a walk: '/' comes before every other character.
Result<> FsutilReceiver::check_path(const wire::Stat& stat) {
  const std::string& path = stat.path();
  if (path.empty() || path.size() > kMaxPath || path.find('\0') != std::string::npos) {
    return refused(path, "that is no path");
  }
  if (path.front() == '/') return refused(path, "it is absolute");
  for (const std::string& part : split(path, '/')) {
    if (part.empty() || part == "." || part == "..") return refused(path, "it is not clean");
  }
  if (!is_before(last_path_, path)) {
    return refused(path, cat("it is out of order, after ", quoted(last_path_)));
  }
  while (!parents_.empty() && !path.starts_with(cat(parents_.back().path, "/"))) {
    parents_.pop_back();
  }
  const auto above = split_last(path, '/');
  const std::string_view parent = above ? above->first : std::string_view();
  if (parent != (parents_.empty() ? std::string_view() : std::string_view(parents_.back().path))) {
    return refused(path, "its directory was not sent before");
  }
  if ((stat.mode() & kGoType) == kGoDirectory) parents_.push_back({path, is_exact(stat)});
  last_path_ = path;
  return {};
}

Result<> FsutilReceiver::make(uint32_t id, const Told& told, Entry entry) {
  const auto there = in_place_ && told.is(kGoDirectory) ? root_->lstat(told.path)
                                                        : Error(Code::kNotFound, told.path);
  const bool is_made = there && S_ISDIR(there->st_mode);
  if (in_place_ && !is_made) TRY(clear(told.path));
  if (told.is(0)) {
    if (!told.link.empty()) {
      TRY(keep(kRecordOverhead + told.path.size() + told.link.size()));
      links_.push_back({told.path, told.link});
      return {};
    }
    TRY(keep(memory_of(entry)));
    wanted_.emplace_back(id, std::move(entry));
    return ask_for_more();
  }
  const bool makes = told.is(kGoDirectory) || told.is(kGoSymlink) || told.is(kGoFifo);
  if (!makes) return {};  // sockets and devices have no place in a build context
  const sys::Place place = TRY(root_->place_of(told.path));
  int made = 0;
  if (told.is(kGoDirectory)) {
    made = is_made ? 0 : ::mkdirat(place.parent.get(), place.name.c_str(), 0700);
  } else if (told.is(kGoSymlink)) {
    made = ::symlinkat(told.link.c_str(), place.parent.get(), place.name.c_str());
  } else {
    made = ::mkfifoat(place.parent.get(), place.name.c_str(), entry.mode);
  }
  if (made != 0) return Error::from_errno(errno, cat("make ", told.path));
  if (!told.is(kGoDirectory)) {
    const timespec time = to_timespec(entry.mtime);
    const timespec times[] = {time, time};
    if (::utimensat(place.parent.get(), place.name.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0) {
      return {};
    }
    return Error::from_errno(errno, cat("set the time of ", told.path));
  }
  TRY(keep(memory_of(entry)));
  directories_.push_back(std::move(entry));
  return {};
}

Result<> FsutilReceiver::ask_for_more() {
  while (!wanted_.empty() && incoming_.size() < kMaxIncoming) {
    auto [id, entry] = std::move(wanted_.front());
    wanted_.pop_front();
    kept_ -= memory_of(entry);
    TRY(open_file(id, std::move(entry)));
    wire::Packet request;
    request.set_type(wire::Packet::REQ);
    request.set_id(id);
    TRY(send_(request.SerializeAsString()));
  }
  if (all_told_ && wanted_.empty() && incoming_.empty() && !finished_) return finish();
  return {};
}

Result<> FsutilReceiver::open_file(uint32_t id, Entry entry) {
  const sys::Place place = TRY(root_->place_of(entry.path));
  UniqueFd file(::openat(place.parent.get(), place.name.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return Error::from_errno(errno, cat("create ", entry.path));
  Incoming& incoming = incoming_[id];
  incoming = {.entry = std::move(entry), .file = std::move(file)};
  if (known_) incoming.hasher.emplace();
  return {};
}

Result<> FsutilReceiver::take_data(uint32_t id, std::string_view data) {
  const auto found = incoming_.find(id);
  if (found == incoming_.end()) {
    return Error(Code::kInvalidArgument,
                 cat("the client sends a file that was not asked for (", id, ")"));
  }
  const Entry& entry = found->second.entry;
  const int file = found->second.file.get();
  std::optional<Hasher>& hasher = found->second.hasher;
  if (!data.empty()) {
    FdSink sink(file);
    TRY_CONTEXT(sink.write(data), cat("write ", entry.path));
    if (hasher) hasher->update(data);
    return {};
  }
  TRY(set_attributes(file, entry.mode, entry.mtime, entry.attributes, entry.path));
  if (hasher) known_->on_file(file, hasher->hex());
  incoming_.erase(found);
  return ask_for_more();
}

Result<> FsutilReceiver::finish() {
  TRY(make_links());
  TRY(set_directory_attributes());
  finished_ = true;
  wire::Packet end;
  end.set_type(wire::Packet::FIN);
  return send_(end.SerializeAsString());
}

Result<> FsutilReceiver::make_links() {
  for (const HardLink& link : links_) {
    const sys::Place from = TRY_CONTEXT(root_->place_of(link.target), cat("link ", link.path));
    const sys::Place to = TRY(root_->place_of(link.path));
    if (::linkat(from.parent.get(), from.name.c_str(), to.parent.get(), to.name.c_str(), 0) != 0) {
      return Error::from_errno(errno, cat("link ", link.path, " to ", link.target));
    }
  }
  return {};
}

// The innermost first: what is made in a directory changes its time.
Result<> FsutilReceiver::set_directory_attributes() {
  for (auto entry = directories_.rbegin(); entry != directories_.rend(); ++entry) {
    const UniqueFd directory =
        TRY(root_->open_at(entry->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY(set_attributes(directory.get(), entry->mode, entry->mtime, entry->attributes, entry->path));
  }
  return {};
}

}  // namespace skiff::buildkit
