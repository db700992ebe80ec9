// TreeRecord: what a client has told of its files, kept beside them, and the comparison with what
// it tells the next time: a file that is said to be the same is not asked for again.
//
//   TreeRecord now;
//   TreeComparison comparison(before.bytes());
//   now.add(packet, settled); comparison.take(packet, stat)   // for each file, in the order of a
//   walk comparison.same()[id], comparison.gone()
//
// Clients tell sizes and times, and no more (decision 027): a file is the same where all that is
// told of it is, and its last change was well before it was sent, and the directory that it is in
// has not changed, whose time shows what was moved there, and where its time or that directory's is
// a clock's: many archives give each file the same one, of whole seconds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/result.h"

namespace skiff::buildkit {

namespace wire {
class Stat;
}

// Its time has a fraction of a second, as those of clocks have.
bool is_exact(const wire::Stat& stat);

// The order of a walk: '/' comes before every other character.
bool is_before(std::string_view a, std::string_view b);

class TreeRecord {
 public:
  // `settled`: a change after it was sent shows in its time. `telling`: where this and all before
  // it come again as they are, it is the same, and nothing else has to be looked at.
  void add(std::string_view packet, bool settled, bool telling = false);
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

class TreeRecordReader {
 public:
  static constexpr uint8_t kSettled = 1;
  static constexpr uint8_t kTelling = 2;

  // `bytes` must outlive it.
  explicit TreeRecordReader(std::string_view bytes) : rest_(bytes) {}
  // False at the end, and where the rest makes no sense.
  bool next();
  std::string_view packet() const { return packet_; }
  bool settled() const { return (flags_ & kSettled) != 0; }
  bool telling() const { return (flags_ & kTelling) != 0; }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  std::string_view packet_;
  uint8_t flags_ = 0;
};

class TreeComparison {
 public:
  // `before` must outlive it.
  explicit TreeComparison(std::string_view before) : before_(before) { advance(); }

  void take(std::string_view packet, const wire::Stat& stat);
  // No more come.
  void end();

  // By number.
  const std::vector<bool>& same() const { return same_; }
  // What is not there any more, parents before children.
  const std::vector<std::string>& gone() const { return gone_; }
  bool changed() const { return !changed_.empty() || !gone_.empty(); }

 private:
  struct Directory {
    std::string path;
    bool same = false;
    bool exact = false;  // its time has a fraction of a second
  };

  void advance();
  bool is_same(std::string_view packet, const wire::Stat& stat) const;

  TreeRecordReader before_;
  bool has_before_ = false;
  std::string before_path_;
  std::vector<Directory> above_;  // of the latest, the outermost first
  std::vector<bool> same_;
  std::vector<std::string> gone_;
  std::unordered_set<std::string> changed_;
};

}  // namespace skiff::buildkit
