#include "upstream/origin.h"

#include "base/log.h"
#include "base/strings.h"
#include "remote/answers.h"

namespace skiff::upstream {

namespace {

constexpr registry::ErrorKind kBadGateway{"UNAVAILABLE", 502};
constexpr std::chrono::seconds kQuiet{30};
// Names that somebody makes up must not fill the memory.
constexpr size_t kMaxMissing = 10'000;

bool is_our_disk(const Error& error) {
  return error.code() == Code::kResourceExhausted && error.sys_errno() != 0;
}

}  // namespace

bool is_not_there(const Error& error) {
  return error.code() == Code::kNotFound || error.code() == Code::kUnauthenticated ||
         error.code() == Code::kPermissionDenied;
}

bool is_verdict(const Error& error) {
  return is_not_there(error) || (error.code() == Code::kResourceExhausted && !is_our_disk(error));
}

bool is_for_the_moment(const Error& error) {
  return remote::is_transient(error) ||
         (error.code() == Code::kResourceExhausted && !is_our_disk(error));
}

bool Origin::covers(const std::string& repository) const {
  return repository.size() > options_.name.size() + 1 && repository.starts_with(options_.name) &&
         repository[options_.name.size()] == '/';
}

Result<oci::Reference> Origin::reference(const std::string& repository) const {
  std::string path = repository.substr(options_.name.size());
  // As Docker's clients do it for people who leave it out.
  if (options_.host == kDockerHub && path.rfind('/') == 0) path = cat("/library", path);
  return oci::Reference::parse(cat(options_.host, path));
}

void Origin::failed(const std::string& what, const Error& error) {
  const std::string message =
      cat("upstream ", options_.name, ": ", what, ": ", std::string(error.message()));
  const bool refused = is_not_there(error) && error.code() != Code::kNotFound;
  if (error.code() == Code::kNotFound) {
    log_debug(message);
  } else if (refused && options_.client.credentials.username.empty()) {
    log_warn(cat(message, " (it may want credentials, which it has none)"));
  } else {
    log_warn(message);
  }
  if (!is_for_the_moment(error)) return;
  std::lock_guard lock(mutex_);
  quiet_until_ = clock_.now() + kQuiet;
}

void Origin::answered() {
  std::lock_guard lock(mutex_);
  quiet_until_ = {};
}

bool Origin::is_quiet() {
  std::lock_guard lock(mutex_);
  return clock_.now() < quiet_until_;
}

void Origin::missing(const std::string& what) {
  std::lock_guard lock(mutex_);
  if (missing_.size() >= kMaxMissing) {
    std::erase_if(missing_, [&](const auto& each) { return each.second <= clock_.now(); });
  }
  if (missing_.size() >= kMaxMissing) missing_.clear();
  missing_[what] = clock_.now() + options_.negative;
}

bool Origin::is_missing(const std::string& what) {
  std::lock_guard lock(mutex_);
  const auto found = missing_.find(what);
  return found != missing_.end() && clock_.now() < found->second;
}

registry::Refusal Origin::refusal(const Error& error) const {
  if (is_our_disk(error)) return registry::Refusal(error);
  if (error.code() == Code::kResourceExhausted) {
    return {registry::kTooManyRequests, cat(options_.name, " wants to be asked less often")};
  }
  return {kBadGateway,
          cat(options_.name, " cannot be asked now; the log of this registry says why")};
}

}  // namespace skiff::upstream
