// TreeTar: a file or directory as a tar archive that is made while it is read: the context of a
// build, or what `cp` carries into a container. Names come in order; links stay links.
//
//   TreeTar tar(root, {.ignored = patterns, .always = {"Dockerfile", ".dockerignore"}});
//   request.stream = &tar;
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/io.h"
#include "codec/tar.h"
#include "oci/ignore_patterns.h"

namespace skiff::cli {

// A file that the archive has and the directory has not, or not so.
struct ExtraFile {
  std::string name;
  std::string text;
};

struct TreeTarOptions {
  oci::IgnorePatterns ignored;
  std::vector<std::string> always;  // these go along even where `ignored` leaves them out
  std::vector<ExtraFile> extra;     // replace the directory's files of the same names
  std::string top;                  // name of the root itself in the archive; "" leaves it out
  bool keep_owners = false;         // else all is root's
};

class TreeTar : public Source {
 public:
  // An empty root has only the extra files.
  TreeTar(Path root, TreeTarOptions options);

  Result<size_t> read(std::span<char> buffer) override;

 private:
  class Buffer : public Sink {
   public:
    Result<> write(std::string_view bytes) override;
    std::string text;
  };
  // A directory being walked: its names, sorted, and how far it is.
  struct Level {
    std::string path;
    std::vector<std::string> names;
    size_t next = 0;
  };

  Result<> produce();
  Result<> produce_extra();
  Result<> produce_body();
  Result<> visit(const std::string& path);
  Result<> add(const std::string& path, const struct stat& status);
  Result<> open_level(const std::string& path);
  bool descends(const std::string& path) const;
  bool replaced(const std::string& path) const;
  Path full_path(const std::string& path) const;
  std::string name_of(const std::string& path) const;

  Path root_;
  TreeTarOptions options_;
  size_t next_extra_ = 0;

  Buffer buffer_;
  size_t given_ = 0;  // of buffer_
  TarWriter writer_{buffer_};
  std::vector<Level> levels_;
  UniqueFd file_;  // the file whose body is under way
  std::string file_name_;
  uint64_t body_left_ = 0;
  bool started_ = false;
  bool finished_ = false;
};

}  // namespace skiff::cli
