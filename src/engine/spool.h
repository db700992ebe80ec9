// Spool: the beginning of a stream, kept so that it can be read twice.
//
//   Spool spool = TRY(Spool::make(directory, body, most));
//   ... read to the end; nothing has come of it yet ...
//   TRY(spool.rewind());
//   ... read it again, and then what follows in the stream
#pragma once

#include "base/file.h"
#include "base/io.h"

namespace skiff::engine {

class Spool : public Source {
 public:
  // Keeps at most `most` bytes of `from`, in a file of `directory` that has no name.
  static Result<Spool> make(const Path& directory, Source& from, uint64_t most);
  // Before rewind() kResourceExhausted where the stream is longer than what may be kept.
  Result<size_t> read(std::span<char> buffer) override;
  bool is_full() const { return is_full_; }
  // What is read from now on begins at the stream's first byte.
  Result<> rewind();

 private:
  Spool(UniqueFd file, Source& from, uint64_t most)
      : file_(std::move(file)), from_(&from), left_(most) {}

  UniqueFd file_;
  Source* from_;
  uint64_t left_;  // what may still be kept
  bool is_full_ = false;
  bool is_again_ = false;
};

}  // namespace skiff::engine
