// LiveTls: a TlsContext that follows its files. A certificate that was renewed on the disk is used
// by the handshakes from then on; connections that live go on with the one they know.
//
//   auto tls = TRY(LiveTls::load(files));
//   tls->current()->accept(...)     // looks at the files at most once a second
//   TRY(tls->reload());             // at once, as a SIGHUP asks
//
// Files that do not load (half written, of another key) are an error in the log, once, and the
// certificate of before stays in use. Thread-safe.
#pragma once

#include <sys/stat.h>

#include <array>
#include <chrono>
#include <memory>
#include <mutex>

#include "net/tls.h"

namespace skiff::net {

class LiveTls {
 public:
  // The files are looked at again `look_every` after the last look.
  static Result<std::unique_ptr<LiveTls>> load(
      const TlsFiles& files, std::chrono::milliseconds look_every = std::chrono::seconds(1));

  std::shared_ptr<const TlsContext> current();
  Result<> reload();

 private:
  using Clock = std::chrono::steady_clock;
  // What tells a file's content from another without reading it.
  struct Mark {
    bool operator==(const Mark&) const = default;
    ino_t inode = 0;
    off_t size = 0;
    int64_t seconds = 0;
    int64_t nanoseconds = 0;
  };
  using Marks = std::array<Mark, 3>;

  LiveTls(TlsFiles files, TlsContext context, std::chrono::milliseconds look_every);
  static Marks look_at(const TlsFiles& files);
  Result<> reload_locked();

  const TlsFiles files_;
  const std::chrono::milliseconds look_every_;
  std::mutex mutex_;
  std::shared_ptr<const TlsContext> context_;
  Marks seen_;  // of what was loaded, or would not load
  Clock::time_point looked_at_ = Clock::now();
};

}  // namespace skiff::net
