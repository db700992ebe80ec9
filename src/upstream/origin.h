// Origin: one other registry: what it is asked, whether it can be asked now, and what it does not
// have. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "registry/refusal.h"
#include "upstream/options.h"

namespace skiff::upstream {

class Origin {
 public:
  Origin(OriginOptions options, const Clock& clock)
      : options_(std::move(options)), client_(options_.client), clock_(clock) {}

  const OriginOptions& options() const { return options_; }
  remote::RegistryClient& client() { return client_; }
  // Whether the repository of ours keeps one of its.
  bool covers(const std::string& repository) const;
  // What it calls a repository that it covers.
  Result<oci::Reference> reference(const std::string& repository) const;

  // Notes that it did not do what it was asked, and tells the operator. Until a while after a
  // failure that may be over soon it is quiet: what is here is served without asking it.
  void failed(const std::string& what, const Error& error);
  void answered();
  bool is_quiet();

  // What is not there need not be asked for again and again.
  void missing(const std::string& what);
  bool is_missing(const std::string& what);

  // What the client is told, who asked for what it does not give.
  registry::Refusal refusal(const Error& error) const;

 private:
  const OriginOptions options_;
  remote::RegistryClient client_;
  const Clock& clock_;
  std::mutex mutex_;
  TimePoint quiet_until_;
  std::map<std::string, TimePoint> missing_;  // until when
};

// Not a failure of ours, such as a full disk.
bool is_verdict(const Error& error);
// It has not got it, or does not give it to us.
bool is_not_there(const Error& error);
// What our own registry refuses, by a rule or a quota, is nobody's absence and no other's failure.
template <typename T>
Result<T> ours(Result<T> result) {
  if (result || !is_verdict(result.error())) return result;
  return Error(Code::kFailedPrecondition, std::string(result.error().message()));
}

// The same may succeed a little later.
bool is_for_the_moment(const Error& error);

}  // namespace skiff::upstream
