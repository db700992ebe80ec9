// Source and Sink: the two one-method roles over which all archive, hash,
// compression and copy code composes.
//
//   FileSource file(fd);  GunzipSource tar(file);  HashingSink hash(out);
//   TRY(copy(tar, hash));
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/cancellation.h"
#include "base/result.h"

namespace skiff {

class Source {
 public:
  virtual ~Source() = default;
  // Reads up to `buffer.size()` bytes; 0 means the end. Short reads are normal.
  virtual Result<size_t> read(std::span<char> buffer) = 0;
  // Steps over what would be read next; returns fewer than `bytes` only at the end.
  virtual Result<uint64_t> skip(uint64_t bytes);
  // Steps over the hole that is known to begin here, which would read as zeros; returns its
  // bytes, 0 where there is none. A few bytes of an archive may claim a hole of exabytes.
  virtual uint64_t skip_hole() { return 0; }
};

class Sink {
 public:
  virtual ~Sink() = default;
  // Takes all of `bytes` or fails.
  virtual Result<> write(std::string_view bytes) = 0;
};

// Everything `from` still has goes to `to`; returns the number of bytes.
Result<uint64_t> copy(Source& from, Sink& to);
// The same into `fd`, an empty file at its start. Holes and longer runs of zeros become holes:
// the file takes no more room than where it came from.
Result<> copy_sparse(Source& from, int fd, const CancelToken& cancel);
// Fills `buffer`; returns fewer bytes only at the end of the source.
Result<size_t> read_full(Source& from, std::span<char> buffer);
// The rest of `from`, refused with kResourceExhausted beyond `limit` bytes.
Result<std::string> read_all(Source& from, size_t limit);

// Reads `fd` from its current offset; does not own it.
class FdSource : public Source {
 public:
  explicit FdSource(int fd) : fd_(fd) {}
  Result<size_t> read(std::span<char> buffer) override;

 private:
  int fd_;
};

// Writes to `fd`; does not own it.
class FdSink : public Sink {
 public:
  explicit FdSink(int fd) : fd_(fd) {}
  Result<> write(std::string_view bytes) override;

 private:
  int fd_;
};

// Reads the given text, which must outlive the source.
class StringSource : public Source {
 public:
  explicit StringSource(std::string_view text) : rest_(text) {}
  Result<size_t> read(std::span<char> buffer) override;

 private:
  std::string_view rest_;
};

class StringSink : public Sink {
 public:
  Result<> write(std::string_view bytes) override {
    text_.append(bytes);
    return {};
  }
  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

// Passes on the first `size` bytes of another source, then ends.
class LimitedSource : public Source {
 public:
  LimitedSource(Source& from, uint64_t size) : from_(from), left_(size) {}
  Result<size_t> read(std::span<char> buffer) override;
  uint64_t left() const { return left_; }

 private:
  Source& from_;
  uint64_t left_;
};

}  // namespace skiff
