#include "images/storage_limit.h"

#include <cerrno>

#include "base/strings.h"

namespace skiff::images {

namespace {

// A count asks each store for all it has: not for every few bytes.
constexpr std::chrono::seconds kRecount{1};
// What a stream asks for at a time, as long as there is so much.
constexpr uint64_t kStep = uint64_t{8} << 20U;

std::string megabytes(uint64_t bytes) {
  constexpr uint64_t kMega = 1'000'000;
  return cat((bytes + kMega - 1) / kMega, " MB");
}

}  // namespace

Result<> make_room(StorageLimit& limit, StorageLimit::Room& room, uint64_t total) {
  if (limit.bytes() == 0 || total <= room.bytes()) return {};
  const uint64_t missing = total - room.bytes();
  if (missing < kStep && room.grow(kStep)) return {};
  return room.grow(missing);
}

Result<> StorageLimit::Room::grow(uint64_t bytes) {
  TRY(owner_->take(bytes));
  bytes_ += bytes;
  return {};
}

Result<> StorageLimit::take(uint64_t bytes) {
  if (bytes_ == 0) return {};
  const std::scoped_lock lock(mutex_);
  const auto fits = [&] { return counted_ + given_back_ + taken_ + bytes <= bytes_; };
  if (std::chrono::steady_clock::now() - counted_at_ > kRecount) TRY(count());
  if (!fits()) TRY(settle_and_count());
  if (!fits()) {
    return Error::from_errno(
        EDQUOT, cat("the storage limit of ", megabytes(bytes_), " is reached (",
                    megabytes(counted_), " stored, ", megabytes(taken_), " being written, ",
                    megabytes(bytes), " more wanted): remove images or run skiff system prune"));
  }
  taken_ += bytes;
  return {};
}

// Never less than before: what was removed may still be on the disk.
Result<> StorageLimit::count() {
  const uint64_t now = TRY_CONTEXT(used(), "storage limit");
  counted_at_ = std::chrono::steady_clock::now();
  if (now <= counted_ + given_back_) return {};
  counted_ = now;
  given_back_ = 0;
  return {};
}

// Makes others wait, and only where it is needed: on the disk, too, the limit is not passed.
Result<> StorageLimit::settle_and_count() {
  store_.settle();
  snapshots_.settle();
  counted_ = TRY_CONTEXT(used(), "storage limit");
  given_back_ = 0;
  return {};
}

void StorageLimit::give_back(uint64_t bytes, std::atomic<bool>* reserved) {
  if (reserved == nullptr && bytes == 0) return;
  const std::scoped_lock lock(mutex_);
  give_back_locked(bytes, reserved);
}

void StorageLimit::give_back_locked(uint64_t bytes, std::atomic<bool>* reserved) {
  if (reserved != nullptr) *reserved = false;
  if (bytes_ == 0) return;
  taken_ -= bytes;
  given_back_ += bytes;
}

Result<> StorageLimit::BlobRoom::reserve(uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  if (!room_ || room_->bytes() >= bytes) return {};
  TRY(room_->grow(bytes - room_->bytes()));
  reserved_ = true;
  return {};
}

void StorageLimit::BlobRoom::stored() {
  const std::scoped_lock lock(mutex_);
  is_stored_ = true;
  if (room_) room_->end(reserved_);
  room_.reset();
}

std::shared_ptr<StorageLimit::BlobRoom> StorageLimit::room_of(const std::string& host,
                                                              const oci::Digest& blob,
                                                              const std::string& ingest) {
  const std::string key = cat(host, " ", blob.str());
  const std::scoped_lock lock(incoming_mutex_);
  const auto known = incoming_.find(key);
  std::shared_ptr<BlobRoom> room;
  if (known != incoming_.end() && !known->second.room->is_stored()) {
    room = known->second.room;
  } else {
    room = std::make_shared<BlobRoom>(*this);
    incoming_.insert_or_assign(key, Incoming{.room = room, .ingest = ingest, .blob = blob});
  }
  ++room->users_;
  return {room.get(), [this, key, room](BlobRoom*) { leave(key, *room); }};
}

// The room of a download that broke off ends when its bytes begin to count as stored: while both
// mutexes are held nobody counts, and nobody takes it over.
void StorageLimit::leave(const std::string& key, BlobRoom& room) {
  const std::scoped_lock lock(mutex_);
  const std::scoped_lock incoming_lock(incoming_mutex_);
  if (--room.users_ > 0) return;
  if (room.room_) give_back_locked(std::exchange(room.room_->bytes_, 0), &room.reserved_);
  const auto known = incoming_.find(key);
  if (known != incoming_.end() && known->second.room.get() == &room) incoming_.erase(known);
}

StorageLimit::InTransit StorageLimit::in_transit() {
  const std::scoped_lock lock(incoming_mutex_);
  InTransit out;
  for (const auto& [key, each] : incoming_) {
    out.ingests.insert(each.ingest);
    if (each.room->is_reserved()) out.blobs.insert(each.blob);
  }
  return out;
}

Result<uint64_t> StorageLimit::used() {
  const InTransit coming = in_transit();
  uint64_t total = TRY(store_.idle_bytes(coming.ingests));
  TRY(store_.walk([&](const content::BlobInfo& blob) -> Result<> {
    if (!coming.blobs.contains(blob.digest)) total += blob.size;
    return {};
  }));
  std::vector<std::string> layers;
  TRY(snapshots_.walk([&](const snapshot::Info& info) -> Result<> {
    if (info.kind == snapshot::Kind::kCommitted) layers.push_back(info.name);
    return {};
  }));
  for (const std::string& name : layers) {
    const auto usage = snapshots_.usage(name);
    if (usage) total += usage->bytes;  // else removed since
  }
  return total;
}

Result<> RoomSink::write(std::string_view bytes) {
  total_ += bytes.size();
  TRY(make_room(limit_, room_, total_));
  return to_.write(bytes);
}

Result<size_t> RoomSource::read(std::span<char> buffer) {
  const size_t n = TRY(from_.read(buffer));
  total_ += n;
  TRY(make_room(limit_, room_, total_));
  return n;
}

bool is_no_room(const Error& error) {
  return error.sys_errno() == EDQUOT || error.sys_errno() == ENOSPC;
}

}  // namespace skiff::images
