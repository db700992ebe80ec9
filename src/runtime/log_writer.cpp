#include "runtime/log_writer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/io.h"
#include "base/memory.h"
#include "base/strings.h"
#include "codec/json.h"
#include "runtime/log_files.h"
#include "runtime/log_record.h"

namespace skiff::runtime {

namespace {

constexpr mode_t kLogMode = 0640;
constexpr size_t kMostHeld = 32 << 10;  // of what is written at once

// True for text that stands in a JSON string as it is, as Go's encoder sees it.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
  });
}

void append_json_string(std::string& out, std::string_view text) {
  std::string_view body = text.ends_with('\n') ? text.substr(0, text.size() - 1) : text;
  if (is_plain(body)) {
    out.append("\"").append(body).append(body.size() < text.size() ? "\\n\"" : "\"");
  } else {
    out += json::Value(text).dump(json::Html::kEscaped);
  }
}

// Or makes sure that there is nothing at `to`, where there is nothing to be moved.
void move_or_remove(const Path& from, const Path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) ::unlink(to.c_str());
}

// True when a crash left the file's last line without an end.
bool has_torn_line(int fd, uint64_t size) {
  char last = '\n';
  return size > 0 && ::pread(fd, &last, 1, static_cast<off_t>(size - 1)) == 1 && last != '\n';
}

// Where the whole records at the front of the file end.
Result<uint64_t> end_of_records(int fd, uint64_t size) {
  if (size == 0) return uint64_t{0};
  // Mapped, not read: nothing of it stays in this small process.
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) return Error::from_errno(errno, "map the log");
  std::string_view rest(static_cast<const char*>(mapped), size);
  LogRecord record;
  for (;;) {
    LogRecordTake take = take_log_record(rest, record);
    if (take.state != LogRecordState::kWhole) break;
    rest.remove_prefix(take.size);
  }
  ::munmap(mapped, size);
  return size - rest.size();
}

}  // namespace

Result<LogWriter> LogWriter::open(const LogWriterOptions& options) {
  LogWriter log;
  log.options_ = options;
  if (!options.attributes.empty()) {
    log.attributes_ =
        cat(",\"attrs\":", json::Value(options.attributes).dump(json::Html::kEscaped));
  }
  TRY(log.adopt(TRY(open_file(options.path, O_RDWR | O_APPEND | O_CREAT, kLogMode))));
  TRY(log.mend_end());
  return log;
}

Result<> LogWriter::mend_end() {
  if (options_.format == LogFormat::kLocal) {
    const uint64_t end = TRY(end_of_records(file_.get(), size_));
    if (end == size_) return {};
    if (::ftruncate(file_.get(), static_cast<off_t>(end)) != 0) {
      return Error::from_errno(errno, cat("cut off a torn record of ", options_.path.native()));
    }
    size_ = end;
  } else if (has_torn_line(file_.get(), size_)) {
    batch_ = "\n";
    flush();
  }
  return {};
}

Result<> LogWriter::write(OutputStream stream, std::string_view bytes, TimePoint now) {
  times_.begin(now);
  pieces_.add(stream, bytes, [&](std::string_view piece) { add_line(stream, piece); });
  flush();
  return std::exchange(failure_, {});
}

void LogWriter::give_back_memory() {
  free_memory_of(batch_);
  pieces_.give_back_memory();
}

Result<> LogWriter::end(TimePoint now) {
  times_.begin(now);
  pieces_.end([this](OutputStream stream, std::string_view rest) { add_line(stream, rest); });
  flush();
  return std::exchange(failure_, {});
}

void LogWriter::add_line(OutputStream stream, std::string_view text) {
  if (options_.max_bytes > 0 && size_ + batch_.size() >= options_.max_bytes) {
    flush();
    note(rotate().context(cat("rotate ", options_.path.native())));
  }
  if (batch_.size() >= kMostHeld) flush();
  if (options_.format == LogFormat::kLocal) {
    append_log_record(batch_, stream, unix_nanos(times_.next()), text);
    return;
  }
  batch_ += "{\"log\":";
  append_json_string(batch_, text);
  batch_ += stream == OutputStream::kStderr ? ",\"stream\":\"stderr\"" : ",\"stream\":\"stdout\"";
  batch_.append(attributes_).append(",\"time\":\"").append(times_.next_text()).append("\"}\n");
}

void LogWriter::note(Result<> result) {
  if (!result && failure_) failure_ = std::move(result);
}

void LogWriter::flush() {
  FdSink sink(file_.get());
  Result<> written = sink.write(batch_);
  if (written) {
    size_ += batch_.size();
  } else {
    // What is there of the lost lines goes too: a reader meets whole lines only.
    [[maybe_unused]] int cut = ::ftruncate(file_.get(), static_cast<off_t>(size_));
    note(std::move(written).context(cat("write ", options_.path.native())));
  }
  batch_.clear();
}

// At every moment a file has the log's name, and at most one number below the highest has none:
// readers look them up while this runs.
Result<> LogWriter::rotate() {
  const Path& path = options_.path;
  Path fresh = path;
  fresh += ".new";
  UniqueFd file = TRY(open_file(fresh, O_RDWR | O_APPEND | O_CREAT | O_TRUNC, kLogMode));
  set_log_sequence(file.get(), log_sequence(file_.get()) + 1);
  for (int number = options_.max_files - 1; number > 1; --number) {
    move_or_remove(rotated_log(path, number - 1), rotated_log(path, number));
    move_or_remove(compressed_log(path, number - 1), compressed_log(path, number));
  }
  if (options_.max_files > 1) {
    const Path first = rotated_log(path, 1);
    ::unlink(first.c_str());
    ::unlink(compressed_log(path, 1).c_str());
    if (::link(path.c_str(), first.c_str()) != 0) return Error::from_errno(errno, "keep the file");
  }
  TRY(DurableFiles::system().rename(fresh, path));
  ++rotations_;
  return adopt(std::move(file));
}

Result<> LogWriter::adopt(UniqueFd file) {
  struct stat st{};
  if (::fstat(file.get(), &st) != 0) {
    return Error::from_errno(errno, cat("stat ", options_.path.native()));
  }
  file_ = std::move(file);
  inode_ = st.st_ino;
  size_ = static_cast<uint64_t>(st.st_size);
  return {};
}

}  // namespace skiff::runtime
