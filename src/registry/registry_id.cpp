#include "registry/registry_id.h"

#include <unistd.h>

#include "base/random.h"
#include "base/strings.h"

namespace skiff::registry {

namespace {

constexpr size_t kDigits = 32;

// By another name first: of two who make one at once both have the same, and nobody half of one.
Result<> make_id(const Path& file) {
  const Path written = cat(file.native(), ".", random_hex(8), ".tmp");
  TRY(write_file_durably(written, cat(random_hex(kDigits), "\n"), 0644));
  const bool made = ::link(written.c_str(), file.c_str()) == 0;
  const int reason = errno;
  ::unlink(written.c_str());
  if (!made && reason != EEXIST) return Error::from_errno(reason, cat("make ", file.native()));
  return DurableFiles::system().sync_directory(file.parent_path());
}

}  // namespace

Result<std::string> registry_id(const Path& root) {
  const Path file = root / kIdName;
  Result<std::string> text = read_file(file);
  if (!text && text.error().code() == Code::kNotFound) {
    TRY(make_id(file));
    text = read_file(file);
  }
  std::string id(trim(TRY(std::move(text))));
  if (!id.empty()) return id;
  return Error(Code::kDataLoss, cat(file.native(), " is empty: remove it, and a new one is made"));
}

}  // namespace skiff::registry
