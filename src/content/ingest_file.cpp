#include "content/ingest_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/strings.h"
#include "content/layout.h"

namespace skiff::content {

namespace {

// What is smaller stays in the page cache for who pulls it next.
constexpr uint64_t kLarge = uint64_t{64} << 20U;
// Of all stores: each takes StreamedFile::kBlocks blocks of memory.
constexpr int kMostStreams = 2;
std::atomic<int> streams = 0;

// nullptr where there are enough.
std::shared_ptr<StreamedFile> one_of_few_streams(int fd) {
  if (++streams > kMostStreams) {
    --streams;
    return nullptr;
  }
  return {new StreamedFile(fd), [](StreamedFile* stream) {
            delete stream;
            --streams;
          }};
}

}  // namespace

// Hashes the file from its start; the descriptor's offset ends at the end.
static Result<uint64_t> hash_file(int fd, Hasher& hasher) {
  if (::lseek(fd, 0, SEEK_SET) != 0) return Error::from_errno(errno, "seek");
  FdSource source(fd);
  return TRY(copy(source, hasher));
}

IngestFile::IngestFile(Path path, std::string reference, HashAlgorithm algorithm, UniqueFd fd,
                       std::shared_ptr<SavedHashes> hashes, DurableFiles& files)
    : path_(std::move(path)),
      reference_(std::move(reference)),
      algorithm_(algorithm),
      fd_(std::move(fd)),
      hashes_(std::move(hashes)),
      files_(files),
      hasher_(algorithm) {}

static Result<uint64_t> seek_to_end(int fd) {
  const off_t end = ::lseek(fd, 0, SEEK_END);
  if (end < 0) return Error::from_errno(errno, "seek");
  return static_cast<uint64_t>(end);
}

Result<std::unique_ptr<IngestFile>> IngestFile::open(
    const Path& file, std::string reference, HashAlgorithm algorithm, const IngestState& from,
    std::shared_ptr<SavedHashes> hashes, DurableFiles& files, std::function<void()> on_close) {
  UniqueFd fd = TRY(open_file(file, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  std::unique_ptr<IngestFile> ingest(new IngestFile(file, std::move(reference), algorithm,
                                                    std::move(fd), std::move(hashes), files));
  TRY_CONTEXT(ingest->take_up(from), cat("continue ingest ", ingest->reference_));
  ingest->on_close_ = std::move(on_close);
  return ingest;
}

// Goes on behind what the file holds.
Result<> IngestFile::take_up(const IngestState& from) {
  if (auto known = hashes_->take(fd_.get(), algorithm_)) {
    hasher_ = *std::move(known);
    settled_ = from;
    moved_to(TRY(seek_to_end(fd_.get())));
    return {};
  }
  if (TRY(take_up_settled(from))) return {};
  moved_to(TRY(hash_file(fd_.get(), hasher_)));
  return {};
}

// From where it settled, without reading what came before. Behind that is what no answer was given
// for: as it was written, or after another boot nobody knows what. False where that is not to be
// had.
Result<bool> IngestFile::take_up_settled(const IngestState& from) {
  if (from.offset == 0 && from.boot.empty()) return false;
  auto hasher = from.offset == 0 ? Hasher(algorithm_) : Hasher::restore(from.hash);
  if (!hasher || TRY(seek_to_end(fd_.get())) < from.offset) return false;
  hasher_ = *std::move(hasher);
  settled_ = from;
  const auto at = static_cast<off_t>(from.offset);
  if (from.boot != current_boot() && ::ftruncate(fd_.get(), at) != 0) {
    return Error::from_errno(errno, "truncate");
  }
  if (::lseek(fd_.get(), at, SEEK_SET) < 0) return Error::from_errno(errno, "seek");
  FdSource tail(fd_.get());
  moved_to(from.offset + TRY(copy(tail, hasher_)));
  return true;
}

Result<IngestState> IngestFile::settle() {
  if (!fd_) return Error(Code::kFailedPrecondition, cat("ingest ", reference_, " is finished"));
  TRY(flush());
  const Result<> synced = sync().context(cat("write ingest ", reference_));
  if (!synced) {
    // What the disk has of the bytes since then nobody can tell.
    [[maybe_unused]] auto ignored = go_back();
    return synced.error();
  }
  settled_ = {.offset = offset_, .hash = hasher_.save(), .boot = current_boot()};
  return settled_;
}

Result<> IngestFile::sync() {
  TRY(files_.sync_file(fd_.get()));
  // The first time, its name, too.
  if (settled_.offset == 0) TRY(files_.sync_directory(path_.parent_path()));
  return {};
}

IngestFile::~IngestFile() {
  const bool is_kept = fd_ && !Layout::is_once(path_) && flush() && offset_ > 0;
  if (is_kept) {
    hashes_->save(fd_.get(), algorithm_, std::move(hasher_));
  } else if (fd_) {
    // Nothing to continue, or nobody who could. A reader looks no more for what will not be there.
    ::unlink(path_.c_str());
    moved_to(0);
  }
  growth_->ended();
  finish();
  if (on_close_) on_close_();
}

void IngestFile::moved_to(uint64_t offset) {
  offset_ = offset;
  growth_->reached(offset);
}

Result<> IngestFile::write(std::string_view bytes) {
  if (!fd_) return Error(Code::kFailedPrecondition, cat("ingest ", reference_, " is finished"));
  Result<> written = stream_ ? write_streamed(bytes) : write_plain(bytes);
  return std::move(written).context(cat("write ingest ", reference_));
}

// The reader of a large blob is served from the disk soon, and memory is better used.
void IngestFile::expect(uint64_t bytes) {
  if (fd_ && !stream_ && offset_ == 0 && bytes >= kLarge) stream_ = one_of_few_streams(fd_.get());
}

// In parts: the reader makes room for the next one only when it has been told of the last.
Result<> IngestFile::write_streamed(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto room = stream_->room();
    if (!room) {
      [[maybe_unused]] auto ignored = start_again();
      return room.error();
    }
    const std::string_view part = bytes.substr(0, room->size());
    std::memcpy(room->data(), part.data(), part.size());
    stream_->advance(part.size());
    taken(part);
    bytes.remove_prefix(part.size());
  }
  return {};
}

Result<> IngestFile::write_plain(std::string_view bytes) {
  FdSink sink(fd_.get());
  Result<> written = sink.write(bytes);
  if (written) {
    taken(bytes);
    return {};
  }
  // A disk that is full must not stay full for what may never be continued: what was promised to
  // nobody goes.
  const int reason = written.error().sys_errno();
  if (reason == ENOSPC || reason == EDQUOT) {
    [[maybe_unused]] auto ignored = go_back();
  } else if (::ftruncate(fd_.get(), static_cast<off_t>(offset_)) == 0) {
    // Back to where hash and file agree; commit would catch it if that failed too.
    ::lseek(fd_.get(), static_cast<off_t>(offset_), SEEK_SET);
  }
  return written;
}

void IngestFile::taken(std::string_view bytes) {
  hasher_.update(bytes);
  moved_to(offset_ + bytes.size());
}

Result<> IngestFile::flush() {
  if (!stream_) return {};
  Result<> done = stream_->finish();
  if (done) {
    stream_.reset();
  } else {
    [[maybe_unused]] auto ignored = start_again();
  }
  return std::move(done).context(cat("write ingest ", reference_));
}

oci::Digest IngestFile::digest() const { return oci::Digest::from_hex(algorithm_, hasher_.hex()); }

Result<oci::Digest> IngestFile::digest_by(HashAlgorithm algorithm) const {
  if (algorithm == algorithm_) return digest();
  Hasher hasher(algorithm);
  TRY(hash_file(fd_.get(), hasher));
  return oci::Digest::from_hex(algorithm, hasher.hex());
}

Result<> IngestFile::reset() {
  if (!fd_) return Error(Code::kFailedPrecondition, cat("ingest ", reference_, " is finished"));
  return start_again();
}

Result<> IngestFile::start_again() {
  settled_ = {};
  return go_back();
}

// To what settled last.
Result<> IngestFile::go_back() {
  auto hasher = settled_.offset == 0 ? Hasher(algorithm_) : Hasher::restore(settled_.hash);
  if (!hasher) return start_again();
  moved_to(settled_.offset);  // first: a reader must not wait for the stream's bytes
  if (stream_) stream_->drop();
  stream_.reset();
  hasher_ = *std::move(hasher);
  const auto at = static_cast<off_t>(settled_.offset);
  if (::ftruncate(fd_.get(), at) != 0 || ::lseek(fd_.get(), at, SEEK_SET) < 0) {
    return Error::from_errno(errno, cat("reset ingest ", reference_));
  }
  return {};
}

Result<std::unique_ptr<Source>> IngestFile::follow(uint64_t size, const CancelToken& cancel) {
  if (stream_) return Error(Code::kFailedPrecondition, "the ingest is followed already");
  // Whatever becomes of the file's name, its bytes stay.
  UniqueFd file =
      TRY_CONTEXT(open_file(path_, O_RDONLY | O_NOFOLLOW), cat("follow ingest ", reference_));
  // The reader has what it wants in passing; what is small is cheap either way.
  if (offset_ == 0 && size >= 2 * StreamedFile::kBlock) {
    stream_ = std::make_shared<StreamedFile>(fd_.get(), true);
  }
  return std::make_unique<IngestTail>(std::move(file), size, growth_, stream_, cancel);
}

void IngestFile::finish() {
  // A reader may have the stream still: it must not write to what gets the descriptor's number.
  if (stream_) stream_->drop();
  stream_.reset();
  fd_.reset();
}

}  // namespace skiff::content
