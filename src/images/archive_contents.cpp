#include "images/archive_contents.h"

#include <fcntl.h>

#include "base/strings.h"
#include "images/archive_format.h"

namespace skiff::images {

namespace {

constexpr size_t kMaxArchived = size_t{16} << 20U;
constexpr size_t kDrainBuffer = size_t{128} << 10U;
// As many links as the kernel follows.
constexpr int kMaxLinks = 40;

// "./a/b/../c" and "/a/c" are "a/c"; nullopt for what leads out of the archive.
std::optional<std::string> normalised(std::string_view path) {
  std::vector<std::string> parts;
  for (std::string& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(std::move(part));
    } else if (parts.empty()) {
      return std::nullopt;
    } else {
      parts.pop_back();
    }
  }
  return join(parts, "/");
}

std::string directory_of(const std::string& path) {
  const auto parts = split_last(path, '/');
  return parts ? cat(parts->first, "/") : "";
}

// What is stored already is not stored again; an archive that is damaged is refused all the same.
Result<> verify(Source& body, const oci::Digest& expected) {
  Hasher hasher(expected.algorithm());
  std::string buffer(kDrainBuffer, '\0');
  while (const size_t n = TRY(body.read(buffer))) hasher.update({buffer.data(), n});
  const oci::Digest actual = oci::Digest::from_hex(expected.algorithm(), hasher.hex());
  if (actual == expected) return {};
  return Error(Code::kDataLoss, cat("its content is ", actual.str()));
}

class ScratchSource : public Source {
 public:
  explicit ScratchSource(UniqueFd fd) : fd_(std::move(fd)), source_(fd_.get()) {}
  Result<size_t> read(std::span<char> buffer) override { return source_.read(buffer); }

 private:
  UniqueFd fd_;
  FdSource source_;
};

}  // namespace

Result<> ArchiveContents::read(Source& tar, const CancelToken& cancel) {
  scratch_ = TRY(TempDir::make(parts_.scratch, "load-"));
  CancellableSource cancellable(tar, cancel);
  TarReader reader(cancellable);
  while (const TarEntry* entry = TRY(reader.next())) {
    TRY_CONTEXT(add(*entry, reader.body()), cat("archive entry ", skiff::quoted(entry->name)));
  }
  std::string rest(kDrainBuffer, '\0');
  while (TRY(cancellable.read(rest)) > 0) continue;
  return {};
}

Result<> ArchiveContents::add(const TarEntry& entry, Source& body) {
  const auto path = normalised(entry.name);
  const bool goes_up = cat("/", entry.name, "/").find("/../") != std::string::npos;
  if (!path || goes_up) return Error(Code::kInvalidArgument, "the name leaves the archive");
  switch (entry.type) {
    case TarType::kDirectory:
      return {};
    case TarType::kFile:
      // No program writes one, and a few bytes could claim zeros without end.
      if (entry.is_sparse) return Error(Code::kInvalidArgument, "it is a sparse file");
      if (const auto digest = blob_of_path(*path))
        return add_blob(*path, *digest, entry.size, body);
      return add_scratch(*path, entry.size, body);
    case TarType::kSymlink:
    case TarType::kHardLink: {
      const bool is_relative = entry.type == TarType::kSymlink;
      const std::string from = is_relative ? directory_of(*path) : "";
      const auto to = normalised(cat(from, entry.link_target));
      if (!to || (is_relative && entry.link_target.starts_with('/'))) {
        return Error(Code::kInvalidArgument,
                     cat("its target ", skiff::quoted(entry.link_target), " leaves the archive"));
      }
      files_.insert_or_assign(*path, Link{*to});
      return {};
    }
    default:
      return Error(Code::kInvalidArgument, "an image archive holds files, directories and links");
  }
}

Result<> ArchiveContents::add_blob(const std::string& path, const oci::Digest& digest,
                                   uint64_t size, Source& body) {
  files_.insert_or_assign(path, digest);
  TRY(lease_.hold(digest));
  if (TRY(is_whole(parts_, digest, {}))) return verify(body, digest);
  TRY(parts_.limit.room().grow(size));  // told before any of it is written
  const auto write = [&](Sink& to) -> Result<> {
    TRY(copy(body, to));
    return {};
  };
  TRY(store_written(parts_, write, digest, lease_));
  return {};
}

Result<> ArchiveContents::add_scratch(const std::string& path, uint64_t size, Source& body) {
  TRY(scratch_room_.grow(size));
  const Path file = scratch_->path() / std::to_string(files_.size());
  const UniqueFd fd = TRY(open_file(file, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  FdSink sink(fd.get());
  TRY(copy(body, sink));
  files_.insert_or_assign(path, file);
  return {};
}

const ArchiveContents::File* ArchiveContents::find(std::string path) const {
  for (int links = 0; links <= kMaxLinks; ++links) {
    const auto found = files_.find(path);
    if (found == files_.end()) return nullptr;
    const auto* link = std::get_if<Link>(&found->second);
    if (link == nullptr) return &found->second;
    path = link->to;
  }
  return nullptr;
}

Result<std::optional<std::string>> ArchiveContents::document(std::string_view path) const {
  if (find(std::string(path)) == nullptr) return std::nullopt;
  const auto source = TRY(open(std::string(path)));
  return TRY_CONTEXT(read_all(*source, kMaxArchived), path);
}

Result<std::unique_ptr<Source>> ArchiveContents::open(const std::string& path) const {
  const File* file = find(normalised(path).value_or(path));
  if (file == nullptr) {
    return Error(Code::kInvalidArgument, cat("the archive has no file ", skiff::quoted(path)));
  }
  if (const auto* digest = std::get_if<oci::Digest>(file)) return TRY(parts_.store.open(*digest));
  return std::make_unique<ScratchSource>(TRY(open_file(std::get<Path>(*file), O_RDONLY)));
}

}  // namespace skiff::images
