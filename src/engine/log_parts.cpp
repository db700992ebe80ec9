#include "engine/log_parts.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <span>

#include "base/io.h"
#include "base/strings.h"
#include "codec/compress.h"
#include "runtime/log_files.h"

namespace skiff::engine {

namespace {

// So often the files are looked up anew when they were rotated meanwhile.
constexpr int kPatience = 100;

uint64_t inode_of(const Path& path) {
  struct stat st{};
  return ::stat(path.c_str(), &st) == 0 ? st.st_ino : 0;
}

Result<std::optional<LogPart>> open_part(const Path& path, bool compressed) {
  auto fd = open_file(path, O_RDONLY);
  if (!fd && fd.error().code() == Code::kNotFound) return std::optional<LogPart>();
  if (!fd) return std::move(fd.error());
  struct stat st{};
  if (::fstat(fd->get(), &st) != 0) return Error::from_errno(errno, cat("stat ", path.native()));
  LogPart part;
  part.fd = std::move(*fd);
  part.inode = st.st_ino;
  part.sequence = runtime::log_sequence(part.fd.get());
  part.compressed = compressed;
  return std::optional(std::move(part));
}

// The plain file goes only when the compressed one is there: this order misses neither.
Result<std::optional<LogPart>> open_number(const Path& log, int number) {
  if (number == 0) return open_part(log, false);
  auto plain = TRY(open_part(runtime::rotated_log(log, number), false));
  if (plain) return plain;
  return open_part(runtime::compressed_log(log, number), true);
}

Result<UniqueFd> open_nameless(const Path& directory) {
  auto file = open_file(directory, O_RDWR | O_TMPFILE, 0600);
  if (file) return file;
  // Not every filesystem has files without a name.
  std::string name = (directory / ".unpacked-XXXXXX").native();
  UniqueFd named(::mkostemp(name.data(), O_CLOEXEC));
  if (!named) return Error::from_errno(errno, cat("make a file in ", directory.native()));
  ::unlink(name.c_str());
  return named;
}

Result<size_t> read_full_at(int fd, std::span<char> buffer, uint64_t offset) {
  size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t more =
        ::pread(fd, buffer.data() + size, buffer.size() - size, static_cast<off_t>(offset + size));
    if (more < 0 && errno == EINTR) continue;
    if (more < 0) return Error::from_errno(errno, "read log");
    if (more == 0) break;
    size += static_cast<size_t>(more);
  }
  return size;
}

Result<bool> same_content(int one, int other) {
  struct stat a{};
  struct stat b{};
  if (::fstat(one, &a) != 0 || ::fstat(other, &b) != 0) return Error::from_errno(errno, "stat log");
  if (a.st_size != b.st_size) return false;
  std::array<char, 16384> left;
  std::array<char, 16384> right;
  for (uint64_t at = 0;; at += left.size()) {
    const size_t count = TRY(read_full_at(one, left, at));
    if (count != TRY(read_full_at(other, right, at))) return false;
    if (!std::equal(left.begin(), left.begin() + static_cast<ptrdiff_t>(count), right.begin())) {
      return false;
    }
    if (count < left.size()) return true;
  }
}

// A plain file may have been compressed since, and is then another one.
Result<bool> is_known(LogPart& part, const LogPart& known, const Path& log) {
  if (part.inode == known.inode) return true;
  if (!part.compressed || known.compressed) return false;
  TRY(part.unpack(log));
  return same_content(part.content(), known.content());
}

// From the newest on. While a rotation moves the files one number up, one below the highest may be
// without a file.
Result<std::vector<LogPart>> open_all(const Path& log, const LogPart* known) {
  std::vector<LogPart> parts;
  bool lost = known != nullptr;
  for (int number = 0;; ++number) {
    auto part = TRY(open_number(log, number));
    if (!part) part = TRY(open_number(log, ++number));
    if (!part) break;
    if (known != nullptr && TRY(is_known(*part, *known, log))) {
      lost = false;
      break;
    }
    const bool seen = std::any_of(parts.begin(), parts.end(),
                                  [&](const LogPart& p) { return p.inode == part->inode; });
    if (!seen) parts.push_back(std::move(*part));
  }
  std::reverse(parts.begin(), parts.end());
  if (lost && !parts.empty()) {
    LogPart& first = parts.front();
    first.after_gap =
        first.sequence == 0 ? parts.size() > 1 : first.sequence != known->sequence + 1;
  }
  return parts;
}

}  // namespace

Result<> LogPart::unpack(const Path& log) {
  if (!compressed || plain) return {};
  UniqueFd file = TRY(open_nameless(log.parent_path()));
  FdSource packed(fd.get());
  auto source = TRY(open_decompressed(packed, Compression::kGzip));
  FdSink sink(file.get());
  TRY_CONTEXT(copy(*source, sink), cat("unpack a file of ", log.native()));
  plain = std::move(file);
  return {};
}

Result<std::vector<LogPart>> open_log_parts(const Path& log, const LogPart* known) {
  for (int attempt = 1;; ++attempt) {
    const uint64_t begin = inode_of(log);
    auto parts = TRY(open_all(log, known));
    // The log's own name gets its new file last. Without a rotation in between each file was met,
    // and once.
    if (inode_of(log) == begin || attempt == kPatience) return parts;
  }
}

}  // namespace skiff::engine
