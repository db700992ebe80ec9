#include "engine/log_reader.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <span>

#include "base/strings.h"
#include "codec/json.h"
#include "runtime/log_record.h"

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

// Looks for the last entries, over one file after the other, the newest first.
struct TailSearch {
  uint64_t wanted;
  uint64_t found = 0;

  // Where the wanted entries of the file begin; one that is not whole is not there yet.
  Result<uint64_t> in_file(int fd, uint64_t size, runtime::LogFormat format) {
    return format == runtime::LogFormat::kLocal ? in_records(fd, size) : in_lines(fd, size);
  }

 private:
  Result<uint64_t> in_lines(int fd, uint64_t size) {
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

  // Forwards: a file that is being written to may end within a record, and then says nothing of
  // where the one before began.
  Result<uint64_t> in_records(int fd, uint64_t size) {
    const uint64_t left = wanted - std::min(wanted, found);
    std::deque<uint64_t> begins;
    std::string buffer;
    uint64_t read = 0;
    uint64_t begin = 0;  // of the record at the buffer's front
    for (;;) {
      runtime::LogRecord record;
      size_t used = 0;
      runtime::LogRecordTake take;
      while (
          (take = runtime::take_log_record(std::string_view(buffer).substr(used), record)).state ==
          runtime::LogRecordState::kWhole) {
        begins.push_back(begin + used);
        if (begins.size() > left) begins.pop_front();
        used += take.size;
      }
      buffer.erase(0, used);
      begin += used;
      const size_t held = buffer.size();
      const size_t more = std::min<uint64_t>(kChunk, size - read);
      if (take.state == runtime::LogRecordState::kDamaged || more == 0) break;
      buffer.resize(held + more);
      auto count = read_at(fd, std::span(buffer).subspan(held), read);
      buffer.resize(held + count.value_or(0));
      read += TRY(std::move(count));
      if (buffer.size() == held) break;
    }
    found += begins.size();
    return begins.empty() ? begin : begins.front();
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

Result<> LogReader::open() {
  parts_ = TRY(open_log_parts(log_));
  return {};
}

Result<> LogReader::refresh() {
  struct stat st{};
  const LogPart* newest = parts_.empty() ? nullptr : &parts_.back();
  if (::stat(log_.c_str(), &st) != 0 || (newest != nullptr && st.st_ino == newest->inode))
    return {};
  auto more = TRY(open_log_parts(log_, newest));
  for (LogPart& part : more) parts_.push_back(std::move(part));
  return {};
}

Result<> LogReader::seek_tail(uint64_t count) {
  TailSearch search{count};
  for (size_t i = parts_.size(); i > 0; --i) {
    LogPart& part = parts_[i - 1];
    TRY(part.unpack(log_));
    struct stat st{};
    if (::fstat(part.content(), &st) != 0) return Error::from_errno(errno, "stat log");
    part.offset = TRY(search.in_file(part.content(), static_cast<uint64_t>(st.st_size), format_));
    if (part.offset > 0 || search.found >= count) {
      current_ = i - 1;
      return {};
    }
  }
  return {};
}

void LogReader::stop_at(uint64_t inode, uint64_t offset) {
  auto last = std::find_if(parts_.begin(), parts_.end(),
                           [&](const LogPart& part) { return part.inode == inode; });
  if (last == parts_.end()) {
    parts_.clear();
    return;
  }
  last->end = offset;
  parts_.erase(std::next(last), parts_.end());
}

// More of the current file into the buffer; false at its end.
Result<bool> LogReader::fill() {
  LogPart& part = parts_[current_];
  if (part.offset >= part.end) return false;
  TRY(part.unpack(log_));
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
  auto count = read_at(part.content(), std::span(buffer_).subspan(held), part.offset);
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

std::optional<LogEntry> LogReader::take_record() {
  runtime::LogRecord record;
  auto take = runtime::take_log_record(std::string_view(buffer_).substr(consumed_), record);
  if (take.state == runtime::LogRecordState::kWhole) {
    LogEntry entry;
    entry.stream =
        record.stream == runtime::OutputStream::kStderr ? StreamKind::kStderr : StreamKind::kStdout;
    entry.time = TimePoint(std::chrono::nanoseconds(record.time_ns));
    entry.text = cat(record.text, record.partial ? "" : "\n");
    consumed_ = searched_ = consumed_ + take.size;
    return entry;
  }
  if (take.state == runtime::LogRecordState::kDamaged) {
    parts_[current_].end = parts_[current_].offset;
    buffer_.clear();
    consumed_ = searched_ = 0;
  }
  return std::nullopt;
}

std::optional<LogEntry> LogReader::take_entry() {
  if (format_ == runtime::LogFormat::kLocal) return take_record();
  while (auto line = take_line()) {
    if (auto entry = parse_log_line(*line)) return std::move(*entry);
  }
  return std::nullopt;
}

// What is held of an entry that is not whole yet is read again: the writer may cut it off.
void LogReader::give_back() {
  LogPart& part = parts_[current_];
  part.offset -= buffer_.size() - consumed_;
  buffer_.clear();
  consumed_ = searched_ = 0;
}

// Dated when the last file that was read was written last.
Result<LogEntry> LogReader::gap_entry() const {
  struct stat st{};
  if (::fstat(parts_[current_ - 1].fd.get(), &st) != 0) return Error::from_errno(errno, "stat log");
  LogEntry entry;
  entry.text = "skiff: output may be missing here: the log was rotated away before it was read\n";
  entry.stream = StreamKind::kStderr;
  entry.time = TimePoint(std::chrono::seconds(st.st_mtim.tv_sec) +
                         std::chrono::nanoseconds(st.st_mtim.tv_nsec));
  return entry;
}

Result<std::optional<LogEntry>> LogReader::next() {
  while (current_ < parts_.size()) {
    if (auto entry = take_entry()) return entry;
    if (TRY(fill())) continue;
    if (current_ + 1 == parts_.size()) {
      if (format_ == runtime::LogFormat::kLocal) give_back();
      break;
    }
    // A rotated file is complete: what is left is an entry torn by a crash.
    buffer_.clear();
    consumed_ = searched_ = 0;
    ++current_;
    if (parts_[current_].after_gap) return std::optional(TRY(gap_entry()));
  }
  return std::optional<LogEntry>();
}

}  // namespace skiff::engine
