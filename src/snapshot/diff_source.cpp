#include "snapshot/diff_source.h"

#include <fcntl.h>
#include <pthread.h>

#include <csignal>

#include "sys/process.h"

namespace skiff::snapshot {

namespace {

// A write to a pipe whose reader has gone is an error, and no signal.
void block_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace

DiffSource::DiffSource(Snapshotter& snapshots, const std::string& key, CancelToken cancel)
    : DiffSource([&snapshots, key](Sink& to) { return snapshots.diff(key, to); },
                 std::move(cancel)) {}

DiffSource::DiffSource(std::function<Result<>(Sink&)> write, CancelToken cancel)
    : cancel_(std::move(cancel)) {
  Result<sys::Pipe> pipe = sys::make_pipe();
  if (!pipe) {
    result_ = pipe.error();
    return;
  }
  read_ = std::move(pipe->read);
  // As far as the system allows: fewer turns of the two threads.
  constexpr int kAhead = 1 << 20;
  ::fcntl(read_.get(), F_SETPIPE_SZ, kAhead);
  thread_ = std::thread([this, write = std::move(write), end = std::move(pipe->write)]() mutable {
    block_sigpipe();
    FdSink sink(end.get());
    result_ = write(sink);
    end.reset();
  });
}

DiffSource::~DiffSource() {
  read_.reset();
  if (thread_.joinable()) thread_.join();
}

Result<size_t> DiffSource::read(std::span<char> buffer) {
  TRY(cancel_.check());
  if (thread_.joinable()) {
    size_t count = TRY(FdSource(read_.get()).read(buffer));
    if (count > 0 || buffer.empty()) return count;
    thread_.join();
  }
  // A diff that broke off must not pass for a whole one.
  TRY(result_);
  return size_t{0};
}

}  // namespace skiff::snapshot
