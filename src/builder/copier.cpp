#include "builder/copier.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/log.h"
#include "base/strings.h"
#include "builder/untar.h"
#include "codec/hash.h"
#include "dockerfile/config_words.h"
#include "runtime/container_spec.h"
#include "snapshot/file_attributes.h"

namespace skiff::builder {

namespace {

Error failed_at(const char* what, const std::string& path) {
  return Error::from_errno(errno, cat(what, " ", path));
}

std::string below(const std::string& directory, const std::string& name) {
  return name.empty() ? directory : cat(directory, directory.ends_with('/') ? "" : "/", name);
}

bool is_directory(const Result<struct stat>& st) { return st && S_ISDIR(st->st_mode); }

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// False where the file systems cannot, and nothing was copied.
Result<bool> copy_range(int in, int out, const CancelToken& cancel) {
  constexpr size_t kPiece = size_t{64} << 20U;
  for (bool begun = false;; begun = true) {
    TRY(cancel.check());
    ssize_t n = 0;
    while ((n = ::copy_file_range(in, nullptr, out, nullptr, kPiece, 0)) < 0 && errno == EINTR) {
    }
    if (n == 0) return true;
    if (n < 0 && begun) return Error::from_errno(errno, "copy file");
    if (n < 0) return false;
  }
}

Error changed(const SourceFile& file) {
  return Error(Code::kAborted, cat(file.path, " changed while it was being copied"));
}

}  // namespace

Result<> Copier::make_directories(const std::string& path, bool with_mode) {
  std::string so_far;
  std::vector<std::string> all_made;  // where they get a time, when no more is made in them
  for (const std::string& part : split(clean_path(path).substr(1), '/')) {
    if (part.empty()) continue;
    so_far += cat("/", part);
    auto st = target_.stat(so_far);
    if (is_directory(st)) continue;
    if (st) {
      return Error(Code::kInvalidArgument, cat("cannot make directory ", so_far, ": it is a file"));
    }
    UniqueFd made = TRY(target_.make_directories(so_far, 0755, sys::NewGroup::kParents));
    auto owner = attributes_.owner;
    if (owner && ::fchown(made.get(), owner->first, owner->second) != 0) {
      return failed_at("chown", so_far);
    }
    if (with_mode) TRY(set_mode_of_made(made.get(), so_far));
    if (attributes_.made_at) all_made.push_back(so_far);
  }
  for (const std::string& one : all_made) {
    const timespec times[2] = {{0, UTIME_OMIT}, *attributes_.made_at};
    const UniqueFd made = TRY(target_.open_at(one, O_RDONLY | O_DIRECTORY));
    if (::futimens(made.get(), times) != 0) return failed_at("set time of", one);
  }
  return {};
}

// As mkdir(2) does it for BuildKit: a number's special bits are not for what is made, and that of
// its parent's group stays.
Result<> Copier::set_mode_of_made(int directory, const std::string& path) {
  const auto& mode = attributes_.mode;
  if (!mode || !mode->absolute()) return {};
  struct stat st{};
  if (::fstat(directory, &st) != 0) return failed_at("stat", path);
  const mode_t wanted = (mode->apply(0, true) & 0777) | (st.st_mode & S_ISGID);
  if (::fchmod(directory, wanted) != 0) return failed_at("chmod", path);
  return {};
}

// Where a file of that name goes; its parents are there afterwards.
Result<std::string> Copier::place_for(const std::string& name, const std::string& destination) {
  bool into = destination.ends_with('/') || is_directory(target_.stat(destination));
  if (into) {
    TRY(make_directories(destination));
    return below(destination, name);
  }
  auto parts = split_last(destination, '/');
  TRY(make_directories(std::string(parts->first)));
  return destination;
}

Result<> Copier::copy(SourceTree& from, const Selected& selected, const std::string& destination,
                      const CancelToken& cancel) {
  const SourceFile& self = selected.files.front();
  linked_.clear();
  if (!selected.directory) {
    std::string path = TRY(place_for(selected.name, destination));
    return copy_one(from, self, path, true, cancel);
  }
  std::string directory = clean_path(destination);
  auto existing = target_.stat(directory);
  if (existing && !S_ISDIR(existing->st_mode)) {
    return Error(Code::kInvalidArgument,
                 cat("cannot copy to non-directory: ", directory, " is a file"));
  }
  // What is copied is in the directory, which has no attributes of the source's but the time, be it
  // new or not.
  TRY(make_directories(directory));
  directories_.emplace_back(directory, self.st.st_mtim);
  for (size_t i = 1; i < selected.files.size(); ++i) {
    TRY(cancel.check());
    const SourceFile& file = selected.files[i];
    TRY_CONTEXT(copy_one(from, file, below(directory, file.target()), false, cancel), file.path);
  }
  for (auto it = directories_.rbegin(); it != directories_.rend(); ++it) {
    UniqueFd fd = TRY(target_.open_at(it->first, O_RDONLY | O_DIRECTORY));
    const timespec times[2] = {{0, UTIME_OMIT}, it->second};
    ::futimens(fd.get(), times);
  }
  directories_.clear();
  return {};
}

Result<> Copier::copy_directory(const SourceFile& file, const std::string& path) {
  auto st = target_.lstat(path);
  if (st && !S_ISDIR(st->st_mode) && !is_directory(target_.stat(path))) {
    return Error(Code::kInvalidArgument, cat("cannot copy to non-directory: ", path, " is a file"));
  }
  if (!st) TRY(target_.make_directories(path, 0755));
  UniqueFd fd = TRY(target_.open_at(path, O_RDONLY | O_DIRECTORY));
  auto owner = attributes_.owner.value_or(std::pair(file.st.st_uid, file.st.st_gid));
  if (::fchown(fd.get(), owner.first, owner.second) != 0) return failed_at("chown", path);
  if (::fchmod(fd.get(), mode_of(file)) != 0) {
    return failed_at("chmod", path);
  }
  directories_.emplace_back(path, file.st.st_mtim);
  return {};
}

Result<> Copier::copy_one(SourceTree& from, const SourceFile& given, const std::string& path,
                          bool top, const CancelToken& cancel) {
  SourceFile file = given;
  if (!from.keep_owners()) file.st.st_uid = file.st.st_gid = 0;
  if (S_ISDIR(file.st.st_mode)) return copy_directory(file, path);
  auto existing = target_.lstat(path);
  if (existing && S_ISDIR(existing->st_mode)) {
    return Error(Code::kInvalidArgument, cat("cannot replace directory ", path, " with a file"));
  }
  sys::Place place = TRY(target_.place_of(path));
  // A file named itself goes where the link leads; one of a directory replaces it.
  if (top && existing && S_ISLNK(existing->st_mode) && S_ISREG(file.st.st_mode)) {
    UniqueFd out = TRY(target_.open_at(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    snapshot::LentContents::take_back(out.get());
    TRY_CONTEXT(copy_data(from, file, out.get(), cancel), path);
    auto owner = attributes_.owner.value_or(std::pair(file.st.st_uid, file.st.st_gid));
    if (::fchown(out.get(), owner.first, owner.second) != 0) return failed_at("chown", path);
    if (::fchmod(out.get(), mode_of(file)) != 0) {
      return failed_at("chmod", path);
    }
    const timespec times[2] = {{0, UTIME_OMIT}, file.st.st_mtim};
    if (::futimens(out.get(), times) != 0) return failed_at("set time of", path);
    return {};
  }
  if (existing && ::unlinkat(place.parent.get(), place.name.c_str(), 0) != 0) {
    return failed_at("replace", path);
  }
  if (!S_ISREG(file.st.st_mode)) {
    TRY(make_other(file, place));
    return set_attributes(from, file, place);
  }
  if (TRY(link_known(file, path, place))) return {};
  UniqueFd out(::openat(place.parent.get(), place.name.c_str(),
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!out) return failed_at("create", path);
  TRY_CONTEXT(copy_data(from, file, out.get(), cancel), path);
  return set_attributes(from, file, place);
}

Result<bool> Copier::link_known(const SourceFile& file, const std::string& path,
                                const sys::Place& place) {
  if (file.st.st_nlink < 2) return false;
  auto [known, is_new] = linked_.try_emplace({file.st.st_dev, file.st.st_ino}, path);
  if (is_new) return false;
  auto first = target_.place_of(known->second);
  const bool linked = first && ::linkat(first->parent.get(), first->name.c_str(),
                                        place.parent.get(), place.name.c_str(), 0) == 0;
  if (!linked) known->second = path;  // the first is gone, or takes no more names
  return linked;
}

mode_t Copier::mode_of(const SourceFile& file) const {
  const mode_t own = file.st.st_mode & 07777;
  return attributes_.mode ? attributes_.mode->apply(own, S_ISDIR(file.st.st_mode)) : own;
}

Result<> Copier::copy_data(SourceTree& from, const SourceFile& file, int out,
                           const CancelToken& cancel) {
  auto copied = copy_bytes(from, file, out, cancel);
  if (copied) return copied;
  // Of a full disk, perhaps: what cleans up after the step needs room, too.
  if (::ftruncate(out, 0) != 0) log_warn(cat("copy ", file.path, ": cannot make room again"));
  return copied;
}

Result<> Copier::copy_bytes(SourceTree& from, const SourceFile& file, int out,
                            const CancelToken& cancel) {
  snapshot::LentContents::Content content;
  content.file = TRY(from.root().open_at(file.path, O_RDONLY | O_NONBLOCK));
  const int in = content.file.get();
  const bool watched = from.changing() && from.is_unchanged(file, in);
  if (!from.changing() || watched) {
    content.check = [&from, file, watched, in]() -> Result<> {
      if (watched && !from.is_unchanged(file, in)) return changed(file);
      return {};
    };
    const auto size = static_cast<uint64_t>(file.st.st_size);
    if (lent_ && lent_->takes(size) && lent_->lend(out, size, content)) return {};
    if (TRY(copy_range(in, out, cancel))) return content.check();
  }
  FdSource source(in);
  FdSink sink(out);
  Hasher hasher;
  HashingSource hashing(source, hasher);
  TRY(skiff::copy(hashing, sink));
  // The key names what was hashed: nothing else may go into the layer.
  if (from.changing() && hasher.hex() != TRY(from.hash_of(file, cancel))) return changed(file);
  return {};
}

Result<> Copier::make_other(const SourceFile& file, const sys::Place& place) {
  int made =
      S_ISLNK(file.st.st_mode)
          ? ::symlinkat(file.link.c_str(), place.parent.get(), place.name.c_str())
          : ::mknodat(place.parent.get(), place.name.c_str(), file.st.st_mode, file.st.st_rdev);
  if (made != 0) return failed_at("create", place.name);
  return {};
}

Result<> Copier::set_attributes(SourceTree& from, const SourceFile& file, const sys::Place& place) {
  int parent = place.parent.get();
  const char* name = place.name.c_str();
  auto owner = attributes_.owner.value_or(std::pair(file.st.st_uid, file.st.st_gid));
  if (::fchownat(parent, name, owner.first, owner.second, AT_SYMLINK_NOFOLLOW) != 0) {
    return failed_at("chown", place.name);
  }
  if (!S_ISLNK(file.st.st_mode)) {
    if (::fchmodat(parent, name, mode_of(file), 0) != 0) return failed_at("chmod", place.name);
  }
  if (from.keep_owners()) {
    sys::Place source = TRY(from.root().place_of(file.path));
    auto xattrs = TRY(snapshot::read_xattrs(source.parent.get(), source.name));
    TRY(snapshot::write_xattrs(parent, place.name, xattrs));
  }
  const timespec times[2] = {{0, UTIME_OMIT}, file.st.st_mtim};
  if (::utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) != 0) {
    return failed_at("set time of", place.name);
  }
  return {};
}

Result<> Copier::extract(SourceTree& from, const std::string& path, const std::string& destination,
                         const CancelToken& cancel) {
  auto existing = target_.stat(clean_path(destination));
  if (existing && !S_ISDIR(existing->st_mode)) {
    return Error(Code::kInvalidArgument,
                 cat("cannot extract ", path, " to non-directory ", destination));
  }
  TRY(make_directories(destination, false));
  UniqueFd in = TRY(from.root().open_at(path, O_RDONLY));
  FdSource source(in.get());
  UntarOptions options{.owner = attributes_.owner, .keep_owners = true, .devices = true};
  return untar(source, target_, clean_path(destination), options, cancel)
      .context(cat("extract ", path));
}

Result<> Copier::write(const std::string& name, std::string_view content,
                       const std::string& destination) {
  std::string path = TRY(place_for(name, destination));
  sys::Place place = TRY(target_.place_of(path));
  ::unlinkat(place.parent.get(), place.name.c_str(), 0);
  UniqueFd out(::openat(place.parent.get(), place.name.c_str(),
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!out) return failed_at("create", path);
  FdSink sink(out.get());
  TRY_CONTEXT(sink.write(content), path);
  constexpr mode_t kMode = 0644;
  const mode_t mode = attributes_.mode ? attributes_.mode->apply(kMode, false) : kMode;
  if (::fchmod(out.get(), mode) != 0) return failed_at("chmod", path);
  auto owner = attributes_.owner.value_or(std::pair(uid_t{0}, gid_t{0}));
  if (::fchown(out.get(), owner.first, owner.second) != 0) return failed_at("chown", path);
  return {};
}

Result<std::pair<uid_t, gid_t>> parse_owner(const sys::RootDir& target, const std::string& text) {
  const auto parts = split_once(text, ':');
  const std::string user(parts ? parts->first : std::string_view(text));
  const std::string group(parts ? parts->second : std::string_view());
  const auto find = [&](const std::string& wanted, bool number) {
    auto found = runtime::resolve_user(sys::fd_path(target.fd()), wanted);
    const bool unknown = !number && !found && found.error().code() == Code::kInvalidArgument;
    using Found = std::optional<runtime::ResolvedUser>;
    if (unknown) return Result<Found>(Found());
    return found ? Result<Found>(std::move(*found)) : Result<Found>(found.error());
  };
  std::pair<uid_t, gid_t> out{0, 0};
  if (!user.empty()) {
    const bool number = is_number(user);
    const auto found = TRY(find(number ? cat(user, ":", user) : user, number));
    if (found) out = {found->uid, found->gid};
  }
  if (!group.empty()) {
    const auto found = TRY(find(cat("0:", group), is_number(group)));
    if (found) out.second = found->gid;
  }
  return out;
}

}  // namespace skiff::builder
