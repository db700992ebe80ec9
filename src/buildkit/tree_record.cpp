#include "buildkit/tree_record.h"

#include <algorithm>
#include <cstring>

#include "base/strings.h"
#include "buildkit/go_mode.h"
#include "session.pb.h"

namespace skiff::buildkit {

bool is_exact(const wire::Stat& stat) {
  constexpr int64_t kNanos = 1'000'000'000;
  return stat.mod_time() % kNanos != 0;
}

bool is_before(std::string_view a, std::string_view b) {
  const auto [x, y] = std::ranges::mismatch(a, b);
  if (x == a.end() || y == b.end()) return y != b.end();
  if (*x == '/' || *y == '/') return *x == '/';
  return static_cast<unsigned char>(*x) < static_cast<unsigned char>(*y);
}

// An entry: 4 bytes of length, 1 of flags, the packet; numbers as this machine has them.
void TreeRecord::add(std::string_view packet, bool settled, bool telling) {
  const auto size = static_cast<uint32_t>(packet.size());
  char head[5];
  std::memcpy(head, &size, sizeof size);
  head[4] = static_cast<char>((settled ? TreeRecordReader::kSettled : 0) |
                              (telling ? TreeRecordReader::kTelling : 0));
  bytes_.append(head, sizeof head).append(packet);
}

bool TreeRecordReader::next() {
  constexpr size_t kHead = 5;
  uint32_t size = 0;
  if (rest_.size() < kHead) return false;
  std::memcpy(&size, rest_.data(), sizeof size);
  if (rest_.size() - kHead < size) return false;
  flags_ = static_cast<uint8_t>(rest_[4]);
  packet_ = rest_.substr(kHead, size);
  rest_.remove_prefix(kHead + size);
  return true;
}

void TreeComparison::advance() {
  has_before_ = before_.next();
  if (!has_before_) return;
  wire::Packet packet;
  const std::string_view bytes = before_.packet();
  has_before_ = packet.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  before_path_ = packet.stat().path();
}

void TreeComparison::take(std::string_view packet, const wire::Stat& stat) {
  const std::string& path = stat.path();
  while (has_before_ && is_before(before_path_, path)) {
    gone_.push_back(before_path_);
    advance();
  }
  while (!above_.empty() && !path.starts_with(cat(above_.back().path, "/"))) above_.pop_back();
  const bool known = has_before_ && before_path_ == path;
  const bool same = known && is_same(packet, stat);
  if (known) advance();
  same_.push_back(same);
  if (!same) changed_.insert(path);
  if ((stat.mode() & kGoType) == kGoDirectory) above_.push_back({path, same, is_exact(stat)});
}

void TreeComparison::end() {
  for (; has_before_; advance()) gone_.push_back(before_path_);
}

bool TreeComparison::is_same(std::string_view packet, const wire::Stat& stat) const {
  if (packet != before_.packet()) return false;
  if ((stat.mode() & kGoType) != 0) return true;  // all that there is to it has been told
  if (!stat.linkname().empty()) return !changed_.contains(stat.linkname());
  if (!before_.settled()) return false;
  if (above_.empty()) return is_exact(stat);
  return above_.back().same && (is_exact(stat) || above_.back().exact);
}

}  // namespace skiff::buildkit
