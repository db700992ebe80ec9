// The gzip writer: independent members of 1 MiB of input each.
//
// Why: independent members are compressed side by side, with the same bytes for any number of
// threads, and cost about one per cent in size. Every gzip reader takes several members (RFC 1952,
// 2.2).
#include <deque>
#include <future>
#include <thread>

#include "codec/compressors.h"
#include "codec/gzip_member.h"

namespace skiff {

namespace {

class GzipWriter : public CompressingSink {
 public:
  GzipWriter(Sink& to, int level, size_t threads) : to_(to), level_(level), threads_(threads) {}

  Result<> write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const std::string_view part = bytes.substr(0, kGzipMemberInput - pending_.size());
      pending_.append(part);
      bytes.remove_prefix(part.size());
      if (pending_.size() == kGzipMemberInput) TRY(start_member());
    }
    return {};
  }

  Result<> finish() override {
    while (!running_.empty()) TRY(write_oldest());
    if (pending_.empty() && wrote_any_) return {};
    return to_.write(compress_gzip_member(pending_, level_));
  }

 private:
  Result<> start_member() {
    if (running_.size() >= threads_) TRY(write_oldest());
    running_.push_back(
        std::async(std::launch::async, [level = level_, input = std::exchange(pending_, {})] {
          return compress_gzip_member(input, level);
        }));
    wrote_any_ = true;
    return {};
  }

  Result<> write_oldest() {
    std::string member = running_.front().get();
    running_.pop_front();
    return to_.write(member);
  }

  Sink& to_;
  const int level_;
  const size_t threads_;
  std::string pending_;
  std::deque<std::future<std::string>> running_;
  bool wrote_any_ = false;
};

}  // namespace

std::unique_ptr<CompressingSink> make_gzip_writer(Sink& to, int level, size_t threads) {
  return std::make_unique<GzipWriter>(to, level, threads);
}

}  // namespace skiff
