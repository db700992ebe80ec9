#include "builder/export_tar.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::builder {

namespace {

// "./a" and "." below "x" are "x/a" and "x/"; below nothing "a" and "./".
std::string placed(const std::string& directory, std::string_view path) {
  while (path.starts_with("./")) path.remove_prefix(2);
  if (path == "." || path.empty()) return directory.empty() ? "./" : cat(directory, "/");
  return directory.empty() ? std::string(path) : cat(directory, "/", path);
}

}  // namespace

Result<> copy_tar(Source& from, const TarChanges& changes, TarWriter& to) {
  TarReader reader(from);
  while (const TarEntry* read = TRY(reader.next())) {
    TarEntry entry = *read;
    entry.name = placed(changes.directory, entry.name);
    const bool is_again = changes.directories != nullptr && entry.type == TarType::kDirectory &&
                          !changes.directories->insert(entry.name).second;
    if (is_again) continue;
    if (entry.type == TarType::kHardLink) {
      entry.link_target = placed(changes.directory, entry.link_target);
    }
    if (changes.newest) entry.mtime = std::min(entry.mtime, *changes.newest);
    if (changes.every) entry.mtime = *changes.every;
    TRY_CONTEXT(to.add_file(entry, reader.body()), entry.name);
  }
  return {};
}

}  // namespace skiff::builder
