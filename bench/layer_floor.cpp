// layer_floor THREADS BLOB...: what taking in gzip layers costs at least, in memory: ISA-L inflates
// each, and SHA-256 goes over its bytes before and after. Prints the CPU seconds and the wall
// seconds of that, and the bytes before and after.
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "codec/hash.h"

namespace skiff {
namespace {

// Both fit into a core's own cache.
constexpr size_t kInput = size_t{64} << 10;
constexpr size_t kOutput = size_t{128} << 10;

// Inflates one blob's members and hashes what goes in and what comes out.
class TakeIn {
 public:
  // Bytes of the plain content; 0 where it is no gzip.
  uint64_t run(std::string_view blob) {
    uint64_t bytes = 0;
    start_member();
    while (!blob.empty() || state_->avail_in > 0 || !member_ended()) {
      const bool fed = state_->avail_in > 0 || feed(blob);
      if (member_ended()) start_member();
      const int64_t made = inflate();
      if (made < 0 || (made == 0 && !fed && !member_ended())) return 0;
      bytes += static_cast<uint64_t>(made);
    }
    return bytes;
  }

 private:
  // A member that was begun keeps the input that is left.
  void start_member() {
    uint8_t* const next = state_->next_in;
    const uint32_t left = state_->avail_in;
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;
    state_->next_in = next;
    state_->avail_in = left;
  }

  bool member_ended() const { return state_->block_state == ISAL_BLOCK_FINISH; }

  bool feed(std::string_view& blob) {
    const std::string_view part = blob.substr(0, kInput);
    blob.remove_prefix(part.size());
    compressed_.update(part);
    state_->next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(part.data()));
    state_->avail_in = static_cast<uint32_t>(part.size());
    return !part.empty();
  }

  int64_t inflate() {
    state_->next_out = reinterpret_cast<uint8_t*>(out_.data());
    state_->avail_out = static_cast<uint32_t>(out_.size());
    if (isal_inflate(state_.get()) < 0) return -1;
    const size_t made = out_.size() - state_->avail_out;
    plain_.update({out_.data(), made});
    return static_cast<int64_t>(made);
  }

  std::unique_ptr<inflate_state> state_ = std::make_unique<inflate_state>();
  std::vector<char> out_ = std::vector<char>(kOutput);
  Hasher compressed_;
  Hasher plain_;
};

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

int measure(size_t threads, const std::vector<std::string>& blobs) {
  std::atomic<size_t> next = 0;
  std::atomic<uint64_t> plain = 0;
  std::atomic<bool> whole = true;
  const double cpu = cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> workers;
    for (size_t n = 0; n < threads; ++n) {
      workers.emplace_back([&] {
        for (size_t at = next++; at < blobs.size(); at = next++) {
          const uint64_t bytes = TakeIn().run(blobs[at]);
          if (bytes == 0) whole = false;
          plain += bytes;
        }
      });
    }
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  uint64_t compressed = 0;
  for (const std::string& blob : blobs) compressed += blob.size();
  std::printf("%.6f %.6f %lu %lu\n", cpu_seconds() - cpu, wall.count(), compressed, plain.load());
  if (!whole) std::fputs("layer_floor: a blob is no whole gzip file\n", stderr);
  return whole ? 0 : 1;
}

}  // namespace
}  // namespace skiff

int main(int argc, char** argv) {
  const size_t threads = argc < 3 ? 0 : std::strtoul(argv[1], nullptr, 10);
  if (threads == 0) {
    std::fputs("usage: layer_floor THREADS BLOB...\n", stderr);
    return 2;
  }
  std::vector<std::string> blobs;
  for (int n = 2; n < argc; ++n) {
    auto blob = skiff::read_file(argv[n], size_t{1} << 40);
    if (!blob) {
      std::fprintf(stderr, "layer_floor: %s\n", blob.error().message().c_str());
      return 1;
    }
    blobs.push_back(std::move(*blob));
  }
  return skiff::measure(threads, blobs);
}
