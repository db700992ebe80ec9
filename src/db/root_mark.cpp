#include "db/root_mark.h"

#include <filesystem>

namespace skiff {

namespace {

constexpr mode_t kMode = 0644;  // for people to read

}  // namespace

bool is_marked(const Path& root, const RootMark& mark) {
  std::error_code error;
  return std::filesystem::exists(root / mark.name, error) || error;
}

Result<> make_mark(const Path& root, const RootMark& mark) {
  if (is_marked(root, mark)) return {};
  TRY(DurableFiles::system().sync_directory(root));
  return write_file_durably(root / mark.name, mark.text, kMode);
}

}  // namespace skiff
