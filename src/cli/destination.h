// Where the bytes of a command's result go: standard output, a file or a directory. Nothing is seen
// half-written: a file gets its name, and a directory its files, with commit(); without one,
// nothing stays, nor after one that fails or is interrupted before its files get their names.
#pragma once

#include <memory>

#include "base/file.h"
#include "base/io.h"

namespace skiff::cli {

class Destination : public Sink {
 public:
  // Once, after the last byte.
  virtual Result<> commit() = 0;
};

std::unique_ptr<Destination> to_standard_output();
// What is there and no regular file, such as a pipe, is written in place.
Result<std::unique_ptr<Destination>> to_file(const Path& path);
// Takes a tar; its files come into the directory, which is made where it is missing, in place of
// those of the same names. Owners are the user's.
Result<std::unique_ptr<Destination>> to_directory(const Path& path);
// The same of an OCI layout: images that are there already stay, but for those of the same names.
Result<std::unique_ptr<Destination>> to_layout(const Path& path);

}  // namespace skiff::cli
