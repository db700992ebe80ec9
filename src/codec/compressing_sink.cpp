// Which compressor a form means.
#include <algorithm>
#include <thread>

#include "base/strings.h"
#include "codec/compressors.h"
#include "codec/gzip_member.h"

namespace skiff {

namespace {

constexpr int kMostGzip = 9;
constexpr int kMostZstd = 22;
constexpr int kZstdLevel = 3;  // the program's own
// More would only be memory: blocks are small, and libzstd takes no more than 256.
constexpr size_t kMostThreads = 64;

class Uncompressed : public CompressingSink {
 public:
  explicit Uncompressed(Sink& to) : to_(to) {}
  Result<> write(std::string_view bytes) override { return to_.write(bytes); }
  Result<> finish() override { return {}; }

 private:
  Sink& to_;
};

Result<> check_level(const CompressForm& form, std::string_view name, int least, int most) {
  if (!form.level || (*form.level >= least && *form.level <= most)) return {};
  return Error(Code::kInvalidArgument,
               cat("level ", *form.level, ": ", name, " has ", least, " to ", most));
}

}  // namespace

Result<> check_form(const CompressForm& form) {
  switch (form.compression) {
    case Compression::kNone:
      return {};
    case Compression::kGzip:
      return check_level(form, "gzip", 0, kMostGzip);
    case Compression::kZstd:
      return check_level(form, "zstd", 1, kMostZstd);
    case Compression::kBzip2:
    case Compression::kXz:
      break;
  }
  return Error(Code::kInvalidArgument, "bzip2 and xz are only read");
}

std::unique_ptr<CompressingSink> make_compressing_sink(Sink& to, const CompressForm& form,
                                                       size_t threads) {
  static const size_t processors = std::max(1U, std::thread::hardware_concurrency());
  const size_t used = std::min(threads == 0 ? processors : threads, kMostThreads);
  switch (form.compression) {
    case Compression::kGzip:
      return make_gzip_writer(to, form.level.value_or(kGzipLevel), used);
    case Compression::kZstd:
      return make_zstd_writer(to, form.level.value_or(kZstdLevel), used);
    default:
      return std::make_unique<Uncompressed>(to);
  }
}

std::unique_ptr<CompressingSink> make_gzip_sink(Sink& to) {
  return make_compressing_sink(to, {.compression = Compression::kGzip, .level = {}});
}

std::unique_ptr<CompressingSink> make_zstd_sink(Sink& to) {
  return make_compressing_sink(to, {.compression = Compression::kZstd, .level = {}});
}

}  // namespace skiff
