#include "registry/s3_upload_writer.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/strings.h"

namespace skiff::registry {

namespace {

// Of parts: the least that stores take is 5 MiB, and some want all of one size. There may be
// 10,000; the later ones are larger, so that 600 GiB fit.
constexpr size_t kPartSize = size_t{8} << 20U;
constexpr size_t kLaterPartSize = size_t{64} << 20U;
constexpr size_t kSmallParts = 500;
constexpr size_t kMostParts = 10'000;

size_t part_size(size_t parts_before) {
  return parts_before < kSmallParts ? kPartSize : kLaterPartSize;
}

Result<std::unique_ptr<SpoolFile>> new_spool(const Path& directory) {
  return std::make_unique<SpoolFile>(TRY(SpoolFile::make(directory)));
}

s3::Body body_of(const SpoolFile& file) {
  return {file.size(), file.sha256(),
          [&file](uint64_t offset, std::span<char> buffer) { return file.read(offset, buffer); }};
}

Error wrong_content(const std::string& id, const oci::Digest& actual, const oci::Digest& expected) {
  return {Code::kDataLoss,
          cat("content of upload ", id, " is ", actual.str(), ", expected ", expected.str())};
}

}  // namespace

Result<std::unique_ptr<S3UploadWriter>> S3UploadWriter::open(
    const S3Store& store, const Path& spool, const std::string& id, HashAlgorithm algorithm,
    const UploadState& from, Blobs::Keep keep) {
  Settled settled{.at = TRY(S3UploadState::parse(from.place)),
                  .offset = from.bytes.offset,
                  .hash = from.bytes.hash};
  auto hasher = from.bytes.offset == 0 ? Hasher(algorithm) : Hasher::restore(from.bytes.hash);
  if (!hasher)
    return Error(Code::kInternal, cat("upload ", id, ": its hash cannot be gone on with"));
  return std::unique_ptr<S3UploadWriter>(new S3UploadWriter(store, spool, TRY(new_spool(spool)), id,
                                                            algorithm, std::move(settled),
                                                            *std::move(hasher), std::move(keep)));
}

S3UploadWriter::S3UploadWriter(const S3Store& store, Path directory,
                               std::unique_ptr<SpoolFile> spool, std::string id,
                               HashAlgorithm algorithm, Settled from, Hasher hasher,
                               Blobs::Keep keep)
    : store_(store),
      directory_(std::move(directory)),
      spool_(std::move(spool)),
      id_(std::move(id)),
      algorithm_(algorithm),
      settled_(std::move(from)),
      tail_loaded_(settled_.at.tail == 0),
      offset_(settled_.offset),
      hasher_(std::move(hasher)),
      keep_(std::move(keep)) {}

Result<> S3UploadWriter::write(std::string_view bytes) {
  Result<> taken = take(bytes);
  if (!taken) go_back();
  return std::move(taken).context(cat("write upload ", id_));
}

Result<> S3UploadWriter::take(std::string_view bytes) {
  if (!bytes.empty()) TRY(load_tail());
  while (!bytes.empty()) {
    const size_t before = settled_.at.parts.size() + (sending_ ? 1 : 0);
    const size_t room = part_size(before) - spool_->size();
    const std::string_view some = bytes.substr(0, room);
    TRY(spool_->append(some));
    hasher_.update(some);
    offset_ += some.size();
    bytes.remove_prefix(some.size());
    if (some.size() == room) TRY(send_part());
  }
  return {};
}

// What an earlier request, here or on another node, left behind the last part.
Result<> S3UploadWriter::load_tail() {
  if (tail_loaded_) return {};
  TRY(spool_->clear());
  TRY(store_.bucket.read(store_.key(s3_key(id_, settled_.at.tail)), {0, settled_.at.tail_size},
                         [&](std::string_view bytes) { return spool_->append(bytes); }));
  tail_loaded_ = true;
  return {};
}

void S3UploadWriter::go_back() {
  sending_.reset();
  auto hasher = settled_.offset == 0 ? Hasher(algorithm_) : Hasher::restore(settled_.hash);
  hasher_ = hasher ? *std::move(hasher) : Hasher(algorithm_);
  offset_ = settled_.offset;
  const Result<> cleared = spool_->clear();
  if (!cleared) log_warn(cat("upload ", id_, ": ", cleared.error().message()));
  tail_loaded_ = settled_.at.tail == 0;
}

UploadState S3UploadWriter::state() const {
  return {.bytes = {.offset = settled_.offset, .hash = settled_.hash, .boot = ""},
          .place = settled_.at.text()};
}

Result<> S3UploadWriter::send_part() {
  TRY(await_part());
  const size_t number = settled_.at.parts.size() + 1;
  if (number > kMostParts) {
    return Error(Code::kResourceExhausted, "the blob has more parts than an S3 store takes");
  }
  const std::string key = store_.key(s3_key(id_));
  if (settled_.at.multipart.empty()) {
    settled_.at.multipart = TRY(store_.bucket.begin_upload(key));
  }
  // Who was overtaken sends no more.
  TRY(note());
  TRY(drop_old_objects(0));
  auto next = TRY(new_spool(directory_));
  sending_.emplace(Sending{std::exchange(spool_, std::move(next)), offset_, hasher_.save(), {}});
  const SpoolFile& bytes = *sending_->bytes;
  sending_->tag = std::async(std::launch::async,
                             [&bucket = store_.bucket, &bytes, key, upload = settled_.at.multipart,
                              number = static_cast<int>(number), cancel = gone_.token()] {
                               return bucket.put_part(key, upload, number, body_of(bytes), cancel);
                             });
  return {};
}

Result<> S3UploadWriter::await_part() {
  if (!sending_) return {};
  Sending sent = std::move(*std::exchange(sending_, std::nullopt));
  std::string tag = TRY(sent.tag.get());
  settled_.at.parts.push_back({sent.bytes->size(), std::move(tag)});
  settled_.at.tail = 0;
  settled_.at.tail_size = 0;
  settled_.offset = sent.offset;
  settled_.hash = sent.hash;
  return {};
}

Result<int> S3UploadWriter::put_object() {
  const int number = settled_.at.next++;
  settled_.at.objects.push_back(number);
  TRY(note());
  TRY(drop_old_objects(number));
  TRY(store_.bucket.put(store_.key(s3_key(id_, number)), body_of(*spool_)));
  settled_.at.tail = number;
  settled_.at.tail_size = spool_->size();
  settled_.offset = offset_;
  settled_.hash = hasher_.save();
  return number;
}

// Tails that the noted state goes on without, but for the one about to be put.
Result<> S3UploadWriter::drop_old_objects(int coming) {
  std::vector<int>& objects = settled_.at.objects;
  const auto old = std::stable_partition(objects.begin(), objects.end(), [&](int object) {
    return object == settled_.at.tail || object == coming;
  });
  for (auto each = old; each != objects.end(); ++each) {
    TRY(store_.bucket.remove(store_.key(s3_key(id_, *each))));
  }
  objects.erase(old, objects.end());
  return {};
}

Result<UploadState> S3UploadWriter::settle() {
  Result<UploadState> all = settle_all();
  if (!all) go_back();
  return all;
}

Result<UploadState> S3UploadWriter::settle_all() {
  TRY(await_part());
  if (offset_ != settled_.offset) TRY(put_object());
  return state();
}

Result<BlobPlace> S3UploadWriter::finish(const oci::Digest& expected) {
  if (expected.algorithm() == algorithm_) {
    const oci::Digest actual = oci::Digest::from_hex(algorithm_, hasher_.hex());
    if (actual != expected) return wrong_content(id_, actual, expected);
  }
  Result<std::string> place = store_whole();
  if (!place) {
    go_back();
    // What the store has lost is not the client's doing.
    const bool is_lost = place.error().code() == Code::kDataLoss;
    return Error(is_lost ? Code::kInternal : place.error().code(),
                 cat("store blob ", expected.str(), ": ", place.error().message()));
  }
  if (expected.algorithm() != algorithm_) TRY(compare(expected, *place));
  return BlobPlace{.size = offset_, .place = *std::move(place)};
}

// The place of the object that has all of it.
Result<std::string> S3UploadWriter::store_whole() {
  TRY(await_part());
  if (settled_.at.parts.empty()) {
    const bool is_there = settled_.at.tail != 0 && offset_ == settled_.offset;
    return s3_key(id_, is_there ? settled_.at.tail : TRY(put_object()));
  }
  TRY(load_tail());
  if (spool_->size() > 0) {
    TRY(send_part());
    TRY(await_part());
  }
  // Whoever finds that it was finished, and no more, knows of all of it.
  TRY(note());
  TRY(finish_multipart());
  return s3_key(id_);
}

Result<> S3UploadWriter::finish_multipart() {
  const std::string key = store_.key(s3_key(id_));
  std::vector<s3::Part> parts;
  for (const S3UploadState::Part& part : settled_.at.parts) {
    parts.push_back({static_cast<int>(parts.size()) + 1, part.tag});
  }
  Result<> finished = store_.bucket.finish_upload(key, settled_.at.multipart, parts);
  // Not there any more: a request that was broken off behind this had finished it.
  if (!finished && finished.error().code() != Code::kNotFound) return finished;
  const uint64_t size = TRY(store_.bucket.size_of(key));
  if (size == offset_) return {};
  return Error(Code::kInternal, cat("the S3 store put ", offset_, " bytes together to ", size));
}

// By another algorithm than they were hashed by on their way.
Result<> S3UploadWriter::compare(const oci::Digest& expected, const std::string& place) {
  Hasher hasher(expected.algorithm());
  TRY(store_.bucket.read(store_.key(place), {0, offset_},
                         [&](std::string_view bytes) { return hasher.write(bytes); }));
  const oci::Digest actual = oci::Digest::from_hex(expected.algorithm(), hasher.hex());
  return actual == expected ? Result<>() : wrong_content(id_, actual, expected);
}

}  // namespace skiff::registry
