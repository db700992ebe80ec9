// FsutilReceiver: the receiving end of BuildKit's file transfer (fsutil): the sender tells of each
// file in the order of paths, the receiver asks for contents by number, and they come in pieces.
//
//   FsutilReceiver receiver(root, send);
//   while (!TRY(receiver.take(TRY(next_packet())))) {}
//
// Into a tree that an earlier transfer has left only what has changed comes: see Known.
//
// What comes is hostile: paths are taken in order only, below directories that were told of before,
// and made inside the root by RootDir. Contents go straight to files; few are open at a time. What
// is told of takes no more memory than Limits says.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "buildkit/tree_record.h"
#include "codec/hash.h"
#include "sys/root_dir.h"

namespace skiff::buildkit {

namespace wire {
class Packet;
class Stat;
}  // namespace wire

class FsutilReceiver {
 public:
  using Send = std::function<Result<>(std::string_view packet)>;
  struct Limits {
    uint32_t entries = 4'000'000;
    size_t memory = size_t{512} << 20U;  // of files not asked for yet, links and directories
  };
  struct Target {
    const sys::RootDir* root = nullptr;
    bool empty = true;  // else it holds what the record says
  };
  // What is there from the last time.
  struct Known {
    std::string_view record;  // of its record(); "": nothing
    // Where to write; once, where something has changed. An empty place gets all.
    std::function<Result<Target>()> change;
    TimePoint began;  // before the client was asked
    // Of each file that has come: its content, once it has its attributes.
    std::function<void(int fd, const std::string& hex)> on_file;
  };
  // It must outlive it.
  FsutilReceiver(Known known, Send send);
  // `root` is empty and must outlive it. `send` takes packets for the sender.
  FsutilReceiver(const sys::RootDir& root, Send send) : FsutilReceiver(root, std::move(send), {}) {}
  FsutilReceiver(const sys::RootDir& root, Send send, Limits limits);
  ~FsutilReceiver();

  // One packet of the sender's; true once all is there. Not to be called after that, or an error.
  // kResourceExhausted: it tells of too much.
  Result<bool> take(std::string_view packet);
  uint64_t bytes() const { return bytes_; }  // of packets
  // Of what was told; and whether it differs from what was known.
  std::string_view record() const { return as_before_ ? known_->record : record_.bytes(); }
  bool changed() const { return !comparison_ || comparison_->changed(); }

 private:
  struct Entry {
    std::string path;
    uint32_t mode = 0;  // st_mode
    int64_t mtime = 0;  // nanoseconds
    std::map<std::string, std::string> attributes;
  };
  struct Told;  // a Stat as it is on the wire
  struct Incoming {
    Entry entry;
    UniqueFd file;
    std::optional<Hasher> hasher = std::nullopt;
  };
  struct HardLink {
    std::string path;
    std::string target;
  };

  static Result<Entry> entry_of(const wire::Stat& stat);
  static size_t memory_of(const Entry& entry);
  Result<> keep(size_t memory);
  Result<bool> take_packet(std::string_view packet);
  bool comes_as_before(std::string_view packet);
  Result<> catch_up();
  bool is_telling(const wire::Stat& stat, bool settled) const;
  Result<> check_path(const wire::Stat& stat);
  Result<> take_stat(std::string_view packet, const wire::Stat& stat);
  Result<> all_told();
  Result<> apply_changes();
  Result<> clear(const std::string& path);
  Result<> make(uint32_t id, const Told& told, Entry entry);
  Result<> take_data(uint32_t id, std::string_view data);
  Result<> ask_for_more();
  Result<> open_file(uint32_t id, Entry entry);
  Result<> finish();
  Result<> make_links();
  Result<> set_directory_attributes();

  std::unique_ptr<wire::Packet> packet_;  // the one at hand: thousands come, in the same room
  const sys::RootDir* root_ = nullptr;
  Send send_;
  Limits limits_;
  std::optional<Known> known_;
  TreeRecord record_;
  // Behind what has come as the record says it: that is not looked into until something differs.
  std::optional<TreeRecordReader> as_before_;
  uint32_t as_before_count_ = 0;
  std::optional<TreeComparison> comparison_;
  bool in_place_ = false;  // what is in the way goes
  size_t kept_ = 0;        // of Limits::memory
  uint64_t bytes_ = 0;
  uint32_t next_id_ = 0;
  std::string last_path_;
  struct Parent {
    std::string path;
    bool exact = false;
  };
  std::vector<Parent> parents_;  // the directories above last_path_, the outermost first
  bool all_told_ = false;
  bool finished_ = false;                          // we have said so
  std::deque<std::pair<uint32_t, Entry>> wanted_;  // not asked for yet
  std::map<uint32_t, Incoming> incoming_;
  std::vector<HardLink> links_;
  std::vector<Entry> directories_;
};

}  // namespace skiff::buildkit
