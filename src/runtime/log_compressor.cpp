#include "runtime/log_compressor.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <utility>

#include "base/io.h"
#include "base/strings.h"
#include "codec/gzip_member.h"
#include "runtime/log_files.h"
#include "runtime/own_program.h"
#include "sys/process.h"

namespace skiff::runtime {

namespace {

constexpr int kLowestPriority = 19;

// As much as there is, up to the buffer's size.
Result<size_t> read_piece(FdSource& source, std::span<char> buffer) {
  size_t size = 0;
  while (size < buffer.size()) {
    const size_t more = TRY(source.read(buffer.subspan(size)));
    if (more == 0) break;
    size += more;
  }
  return size;
}

Result<> compress(int from, int to) {
  FdSource source(from);
  FdSink sink(to);
  std::string input(kGzipMemberInput, '\0');
  for (bool first = true;; first = false) {
    const size_t size = TRY(read_piece(source, input));
    if (size == 0 && !first) break;
    TRY(sink.write(compress_gzip_member(std::string_view(input).substr(0, size))));
  }
  // The plain file goes when this one is there.
  return DurableFiles::system().sync_file(to);
}

}  // namespace

LogCompressor::LogCompressor(Path log, int max_files, std::function<void(const Result<>&)> report)
    : log_(std::move(log)), max_files_(max_files), report_(std::move(report)) {}

LogCompressor::~LogCompressor() {
  if (child_ == 0) return;
  // Not reaped yet: its number is still its own.
  ::kill(child_, SIGKILL);
  ::unlink(unfinished().c_str());
}

void LogCompressor::begin() {
  if (child_ != 0) return;
  ::unlink(unfinished().c_str());
  look();
}

void LogCompressor::follow(int rotations) {
  if (rotations == rotations_) return;
  number_ += rotations - std::exchange(rotations_, rotations);
  if (child_ == 0) look();
}

bool LogCompressor::child_ended(int pid, int code) {
  if (child_ == 0 || pid != child_) return false;
  child_ = 0;
  Result<> finished = finish(code);
  report_(finished);
  // After a failure (a full disk) not before there is a new file.
  if (finished) look();
  return true;
}

// The newest first: where the container writes faster than this compresses, the oldest will go.
void LogCompressor::look() {
  for (int number = 1; number < max_files_; ++number) {
    std::error_code none;
    if (!std::filesystem::exists(rotated_log(log_, number), none)) continue;
    report_(start(number).context(cat("compress ", rotated_log(log_, number).native())));
    return;
  }
}

Result<> LogCompressor::start(int number) {
  UniqueFd plain = TRY(open_file(rotated_log(log_, number), O_RDONLY));
  struct stat st{};
  if (::fstat(plain.get(), &st) != 0) return Error::from_errno(errno, "stat");
  UniqueFd made = TRY(
      open_file(unfinished(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, st.st_mode & mode_t{0777}));
  set_log_sequence(made.get(), log_sequence(plain.get()));
  auto child = sys::Process::spawn({.args = {kLogCompressorName},
                                    .program = kOwnProgram,
                                    .fds = {{plain.get(), 0}, {made.get(), 1}}});
  if (!child) {
    ::unlink(unfinished().c_str());
    return std::move(child.error());
  }
  child_ = child->pid();
  number_ = number;
  child->detach();
  return {};
}

Result<> LogCompressor::finish(int code) {
  const Path made = unfinished();
  // Rotated out of what is kept, meanwhile.
  if (code == 0 && number_ < max_files_) {
    TRY(DurableFiles::system().rename(made, compressed_log(log_, number_)));
    ::unlink(rotated_log(log_, number_).c_str());
    return {};
  }
  ::unlink(made.c_str());
  if (code == 0) return {};
  return Error(Code::kInternal, cat("compress a file of ", log_.native(), ": exit code ", code));
}

Path LogCompressor::unfinished() const { return cat(log_.native(), kCompressedSuffix, ".new"); }

int compress_log() {
  ::setpriority(PRIO_PROCESS, 0, kLowestPriority);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  Result<> compressed = compress(STDIN_FILENO, STDOUT_FILENO);
  if (!compressed) std::fprintf(stderr, "%s\n", compressed.error().message().c_str());
  return compressed ? 0 : 1;
}

}  // namespace skiff::runtime
