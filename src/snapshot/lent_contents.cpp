#include "snapshot/lent_contents.h"

#include <sys/xattr.h>
#include <unistd.h>

#include "base/random.h"
#include "base/strings.h"

namespace skiff::snapshot {

namespace {

constexpr const char* kMark = "trusted.skiff.lent";
constexpr size_t kSecretDigits = 32;
constexpr size_t kMostLent = 64;

}  // namespace

LentContents::LentContents() : secret_(random_hex(kSecretDigits)) {}

bool LentContents::takes(uint64_t size) const {
  return size >= kLeast && contents_.size() < kMostLent;
}

bool LentContents::lend(int out, uint64_t size, Content& content) {
  const std::string mark = cat(secret_, contents_.size());
  if (::fsetxattr(out, kMark, mark.data(), mark.size(), XATTR_CREATE) != 0) return false;
  if (::ftruncate(out, static_cast<off_t>(size)) != 0) {
    take_back(out);
    return false;
  }
  contents_.push_back(std::move(content));
  bytes_ += size;
  return true;
}

void LentContents::take_back(int file) { ::fremovexattr(file, kMark); }

const LentContents::Content* LentContents::find(Xattrs& xattrs) const {
  const auto mark = xattrs.find(kMark);
  if (mark == xattrs.end() || !mark->second.starts_with(secret_)) return nullptr;
  const auto number = parse_int(std::string_view(mark->second).substr(secret_.size()));
  xattrs.erase(mark);
  return &contents_.at(static_cast<size_t>(number.value_or(-1)));
}

}  // namespace skiff::snapshot
