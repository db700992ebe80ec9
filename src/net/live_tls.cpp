#include "net/live_tls.h"

#include "base/log.h"
#include "base/strings.h"

namespace skiff::net {

LiveTls::LiveTls(TlsFiles files, TlsContext context, std::chrono::milliseconds look_every)
    : files_(std::move(files)),
      look_every_(look_every),
      context_(std::make_shared<const TlsContext>(std::move(context))) {}

Result<std::unique_ptr<LiveTls>> LiveTls::load(const TlsFiles& files,
                                               std::chrono::milliseconds look_every) {
  // Looked at before they are read: a change in between is seen as one.
  const Marks seen = look_at(files);
  std::unique_ptr<LiveTls> live(new LiveTls(files, TRY(TlsContext::load(files)), look_every));
  live->seen_ = seen;
  return live;
}

LiveTls::Marks LiveTls::look_at(const TlsFiles& files) {
  Marks marks;
  const std::array<const Path*, 3> paths{&files.certificate, &files.key, &files.client_ca};
  for (size_t i = 0; i < paths.size(); ++i) {
    struct stat st{};
    if (paths[i]->empty() || ::stat(paths[i]->c_str(), &st) != 0) continue;
    marks[i] = {st.st_ino, st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec};
  }
  return marks;
}

std::shared_ptr<const TlsContext> LiveTls::current() {
  std::scoped_lock lock(mutex_);
  const auto now = Clock::now();
  if (now - looked_at_ < look_every_) return context_;
  looked_at_ = now;
  if (look_at(files_) == seen_) return context_;
  if (Result<> loaded = reload_locked(); !loaded) {
    log_error(cat("the certificate in use stays: ", loaded.error().message()));
  }
  return context_;
}

Result<> LiveTls::reload() {
  std::scoped_lock lock(mutex_);
  return reload_locked();
}

Result<> LiveTls::reload_locked() {
  seen_ = look_at(files_);
  context_ = std::make_shared<const TlsContext>(TRY(TlsContext::load(files_)));
  log_info(cat("certificate ", files_.certificate.native(), " loaded again"));
  return {};
}

}  // namespace skiff::net
