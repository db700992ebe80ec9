// ProgressStream: the progress lines of one operation, from several threads, one at a time;
// byte counts at most ten times a second for each layer, as Docker's daemon does.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "images/image_store.h"

namespace skiff::images {

class ProgressStream {
 public:
  explicit ProgressStream(const ProgressSink& sink) : sink_(sink) {}

  // What `id` is short for.
  void name(const std::string& id, const std::string& digest);
  void say(const std::string& id, const std::string& status);
  void bytes(const std::string& id, const std::string& status, uint64_t current, uint64_t total);

 private:
  void emit(ProgressEvent event);

  const ProgressSink& sink_;
  std::mutex mutex_;
  std::map<std::string, std::chrono::steady_clock::time_point> last_;
  std::map<std::string, std::string> digests_;
};

// Passes a source on and reports how many bytes went through it.
class ProgressSource : public Source {
 public:
  using Report = std::function<void(uint64_t bytes)>;
  ProgressSource(Source& from, Report report) : from_(from), report_(std::move(report)) {}
  Result<size_t> read(std::span<char> buffer) override;

 private:
  Source& from_;
  Report report_;
  uint64_t total_ = 0;
};

// Passes a source on until cancelled.
class CancellableSource : public Source {
 public:
  CancellableSource(Source& from, const CancelToken& cancel) : from_(from), cancel_(cancel) {}
  Result<size_t> read(std::span<char> buffer) override {
    TRY(cancel_.check());
    return from_.read(buffer);
  }

 private:
  Source& from_;
  const CancelToken& cancel_;
};

}  // namespace skiff::images
