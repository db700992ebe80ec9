#include "snapshot/layer_forms.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "content/file_digest.h"
#include "snapshot/file_attributes.h"
#include "snapshot/layer_directory.h"
#include "snapshot/lower_dir.h"
#include "snapshot/overlay_format.h"

namespace skiff::snapshot {

namespace {

// Hashes a line for each file of a tree, in the order of their names: all that a container can see
// of it, except which of the names are of one file.
class TreeDigest {
 public:
  explicit TreeDigest(const ReadOptions& how) : how_(how) {}

  Result<> add(int parent, const std::string& name, const std::string& path) {
    TRY(how_.cancel.check());
    struct stat st{};
    if (::fstatat(parent, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
      return Error::from_errno(errno, cat("stat ", path));
    }
    hasher_.update(cat(path, std::string(1, '\0'), st.st_mode, " ", st.st_uid, ":", st.st_gid, " ",
                       S_ISDIR(st.st_mode) ? 0 : st.st_size, " ", st.st_rdev, " ",
                       unix_nanos(time_of(st.st_mtim)), "\n"));
    for (const auto& [key, value] : TRY(read_xattrs(parent, name))) {
      hasher_.update(cat(key, "=", to_hex(value), "\n"));
    }
    if (S_ISLNK(st.st_mode)) hasher_.update(TRY(read_link_at(parent, name)));
    if (S_ISREG(st.st_mode)) return add_content(parent, name, path);
    return S_ISDIR(st.st_mode) ? add_directory(parent, name, path) : Result<>();
  }
  std::string hex() const { return hasher_.hex(); }

 private:
  static Result<UniqueFd> open(int parent, const std::string& name, const std::string& path,
                               int flags) {
    UniqueFd fd(::openat(parent, name.c_str(), flags | O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return Error::from_errno(errno, cat("open ", path));
    return fd;
  }

  Result<> add_content(int parent, const std::string& name, const std::string& path) {
    const UniqueFd fd = TRY(open(parent, name, path, O_NOATIME));
    if (how_.is_fresh) return add_written(fd.get()).context(path);
    const auto content = TRY_CONTEXT(content::digest_on_disk(fd.get(), HashAlgorithm::kSha256,
                                                             how_.bytes_per_second, how_.cancel),
                                     path);
    hasher_.update(content.hex());
    return {};
  }

  Result<> add_written(int file) {
    FdSource content(file);
    Hasher hasher(HashAlgorithm::kSha256);
    TRY(copy(content, hasher));
    hasher_.update(hasher.hex());
    return {};
  }

  Result<> add_directory(int parent, const std::string& name, const std::string& path) {
    const UniqueFd fd = TRY(open(parent, name, path, O_DIRECTORY));
    hasher_.update(is_opaque(fd.get()) ? "opaque\n" : "");
    std::vector<std::string> names = TRY(list_directory(fd.get()));
    std::ranges::sort(names);
    for (const std::string& each : names) TRY(add(fd.get(), each, cat(path, "/", each)));
    return {};
  }

  const ReadOptions& how_;
  Hasher hasher_{HashAlgorithm::kSha256};
};

std::vector<Path> forms_of(const Path& layer) {
  const Path flat = layer / kFlatName;
  std::vector<Path> forms = {layer / kUnpackedName, flat, flat / kUnpackedName};
  std::erase_if(forms, [](const Path& form) { return !is_present(form); });
  return forms;
}

Result<std::string> recorded_digest_of(const Path& form, const ReadOptions& how) {
  const UniqueFd directory = TRY(open_file(form, O_RDONLY | O_DIRECTORY));
  TreeDigest digest(how);
  for (const char* part : {kTreeName, kTarName, kIndexName}) {
    if (is_present(form / part)) TRY(digest.add(directory.get(), part, part));
  }
  return digest.hex();
}

// Whether the form is what it was when it was made.
Result<bool> is_as_made(const Path& form, const ReadOptions& how) {
  const std::string recorded = TRY(read_file(form / kDigestName));
  return TRY(recorded_digest_of(form, how)) == recorded;
}

}  // namespace

Result<> write_form_digest(const Path& form, DurableFiles& files) {
  const CancelToken never;
  const std::string digest = TRY(recorded_digest_of(form, {.cancel = never, .is_fresh = true}));
  const UniqueFd file = TRY(open_file(form / kDigestName, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  TRY(FdSink(file.get()).write(digest));
  return files.sync_file(file.get());
}

Result<std::string> tree_fault(const Path& layer, const ReadOptions& how) {
  if (is_indexed(layer) || !is_present(layer / kDigestName)) return "";
  const auto find = [&]() -> Result<std::string> {
    return TRY(is_as_made(layer, how)) ? "" : "its tree was changed";
  };
  return fault_or_error(find());
}

Result<std::string> forms_fault(const Path& layer, const ReadOptions& how) {
  for (const Path& form : forms_of(layer)) {
    const auto is_right = [&]() -> Result<std::string> {
      if (TRY(is_as_made(form, how))) return "";
      return cat("its form ", form.lexically_relative(layer).native(), " was changed");
    };
    std::string fault = TRY(fault_or_error(is_right()));
    if (!fault.empty()) return fault;
  }
  return "";
}

bool has_form_without_digest(const Path& layer) {
  return std::ranges::any_of(forms_of(layer),
                             [](const Path& form) { return !is_present(form / kDigestName); });
}

bool is_of_no_digest(const std::string& fault) {
  return fault.contains(cat("/", kFlatName, "/", kDigestName)) ||
         fault.contains(cat("/", kUnpackedName, "/", kDigestName));
}

}  // namespace skiff::snapshot
