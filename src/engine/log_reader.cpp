#include "engine/log_reader.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "base/strings.h"
#include "codec/json.h"

namespace skiff::engine {

namespace {

constexpr size_t kChunk = 64 << 10;
// A line is one write of at most 16 KiB, escaped; what is longer is no log.
constexpr size_t kLongestLine = size_t{4} << 20U;

Result<size_t> read_at(int fd, std::span<char> buffer, uint64_t offset) {
  for (;;) {
    ssize_t count = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(offset));
    if (count >= 0) return static_cast<size_t>(count);
    if (errno != EINTR) return Error::from_errno(errno, "read log");
  }
}

// Counts lines backwards, over one file after the other.
struct TailSearch {
  uint64_t wanted;
  uint64_t found = 0;

  // Where the wanted lines of the file begin; a line without its newline is not there yet.
  Result<uint64_t> in_file(int fd, uint64_t size) {
    std::string chunk(kChunk, '\0');
    uint64_t end = size;
    while (end > 0) {
      uint64_t begin = end - std::min<uint64_t>(end, kChunk);
      size_t count = TRY(read_at(fd, std::span(chunk).first(end - begin), begin));
      for (size_t i = count; i > 0; --i) {
        if (chunk[i - 1] == '\n' && ++found > wanted) return begin + i;
      }
      end = begin;
    }
    return uint64_t{0};
  }
};

}  // namespace

Result<LogEntry> parse_log_line(std::string_view line) {
  json::Value v = TRY(json::parse(line));
  LogEntry entry;
  entry.text = v.string("log");
  entry.stream = v.string("stream") == "stderr" ? StreamKind::kStderr : StreamKind::kStdout;
  entry.time = TRY(parse_rfc3339(v.string("time")));
  return entry;
}

// From the newest on: a rotation meanwhile shows a file twice, but never hides one.
Result<std::vector<LogReader::Part>> LogReader::open_parts(uint64_t known_inode) const {
  std::vector<Part> parts;
  for (int number = 0;; ++number) {
    Path path = number == 0 ? log_ : Path(cat(log_.native(), ".", number));
    auto fd = open_file(path, O_RDONLY | O_CLOEXEC);
    if (!fd) {
      bool none = fd.error().code() == Code::kNotFound;
      // Between the two renames of a rotation there is no newest file.
      if (none && number == 0) continue;
      if (none) break;
      return std::move(fd.error());
    }
    struct stat st{};
    if (::fstat(fd->get(), &st) != 0) return Error::from_errno(errno, cat("stat ", path.native()));
    if (st.st_ino == known_inode) break;
    bool seen = std::any_of(parts.begin(), parts.end(),
                            [&](const Part& part) { return part.inode == st.st_ino; });
    if (!seen) parts.push_back({std::move(*fd), st.st_ino});
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

Result<> LogReader::open() {
  parts_ = TRY(open_parts(0));
  return {};
}

Result<> LogReader::refresh() {
  struct stat st{};
  uint64_t newest = parts_.empty() ? 0 : parts_.back().inode;
  if (::stat(log_.c_str(), &st) != 0 || st.st_ino == newest) return {};
  auto more = TRY(open_parts(newest));
  for (Part& part : more) parts_.push_back(std::move(part));
  return {};
}

Result<> LogReader::seek_tail(uint64_t count) {
  TailSearch search{count};
  for (size_t i = parts_.size(); i > 0; --i) {
    Part& part = parts_[i - 1];
    struct stat st{};
    if (::fstat(part.fd.get(), &st) != 0) return Error::from_errno(errno, "stat log");
    part.offset = TRY(search.in_file(part.fd.get(), static_cast<uint64_t>(st.st_size)));
    if (part.offset > 0 || search.found >= count) {
      current_ = i - 1;
      return {};
    }
  }
  return {};
}

void LogReader::stop_at(uint64_t inode, uint64_t offset) {
  auto last = std::find_if(parts_.begin(), parts_.end(),
                           [&](const Part& part) { return part.inode == inode; });
  if (last == parts_.end()) {
    parts_.clear();
    return;
  }
  last->end = offset;
  parts_.erase(std::next(last), parts_.end());
}

// More of the current file into the buffer; false at its end.
Result<bool> LogReader::fill() {
  Part& part = parts_[current_];
  if (part.offset >= part.end) return false;
  buffer_.erase(0, consumed_);
  searched_ -= consumed_;
  consumed_ = 0;
  // Not a line of ours: passed over up to its newline.
  if (buffer_.size() > kLongestLine) {
    buffer_.clear();
    searched_ = 0;
  }
  size_t held = buffer_.size();
  buffer_.resize(held + std::min<uint64_t>(kChunk, part.end - part.offset));
  auto count = read_at(part.fd.get(), std::span(buffer_).subspan(held), part.offset);
  buffer_.resize(held + count.value_or(0));
  part.offset += TRY(std::move(count));
  return buffer_.size() > held;
}

std::optional<std::string> LogReader::take_line() {
  size_t newline = buffer_.find('\n', searched_);
  if (newline == std::string::npos) {
    searched_ = buffer_.size();
    return std::nullopt;
  }
  std::string line = buffer_.substr(consumed_, newline - consumed_);
  consumed_ = searched_ = newline + 1;
  return line;
}

Result<std::optional<LogEntry>> LogReader::next() {
  while (current_ < parts_.size()) {
    if (auto line = take_line()) {
      if (auto entry = parse_log_line(*line)) return std::optional(std::move(*entry));
      continue;
    }
    if (TRY(fill())) continue;
    if (current_ + 1 == parts_.size()) break;
    // A rotated file is complete: what is left is a line torn by a crash.
    buffer_.clear();
    consumed_ = searched_ = 0;
    ++current_;
  }
  return std::optional<LogEntry>();
}

}  // namespace skiff::engine
