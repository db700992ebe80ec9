// StorageLimit: how much blobs and unpacked layers may take together, and the room that work in
// flight has asked for. Without a limit nothing is counted. Thread-safe.
//
//   auto room = limit.room();
//   TRY(room.grow(bytes));        // before they are written
//   ... write, commit ...         // the room ends with `room`: the store counts the bytes now
//
// Files of containers and volumes are not counted.
#pragma once

#include <chrono>
#include <mutex>

#include "base/io.h"
#include "content/content_store.h"
#include "snapshot/snapshotter.h"

namespace skiff::images {

class StorageLimit {
 public:
  // `bytes` 0: no limit.
  StorageLimit(content::ContentStore& store, snapshot::Snapshotter& snapshots, uint64_t bytes)
      : store_(store), snapshots_(snapshots), bytes_(bytes) {}

  class Room {
   public:
    Room(Room&& other) noexcept : owner_(other.owner_), bytes_(std::exchange(other.bytes_, 0)) {}
    Room& operator=(Room&&) = delete;
    ~Room() { owner_->give_back(bytes_); }
    // kResourceExhausted (EDQUOT) where the limit would be passed: then it is as before.
    Result<> grow(uint64_t bytes);
    uint64_t bytes() const { return bytes_; }

   private:
    friend class StorageLimit;
    explicit Room(StorageLimit* owner) : owner_(owner) {}
    StorageLimit* owner_;
    uint64_t bytes_ = 0;
  };
  Room room() { return Room(this); }

  uint64_t bytes() const { return bytes_; }
  // What is stored, counted anew.
  Result<uint64_t> used();

 private:
  Result<> take(uint64_t bytes);
  void give_back(uint64_t bytes);

  content::ContentStore& store_;
  snapshot::Snapshotter& snapshots_;
  const uint64_t bytes_;
  std::mutex mutex_;  // of what follows
  uint64_t taken_ = 0;
  // At the last count; and what was given back since, which may be stored by now.
  uint64_t counted_ = 0;
  uint64_t given_back_ = 0;
  std::chrono::steady_clock::time_point counted_at_;
};

// Passes bytes of unknown number on, growing its room before.
class RoomSink : public Sink {
 public:
  RoomSink(Sink& to, StorageLimit& limit) : to_(to), limit_(limit), room_(limit.room()) {}
  Result<> write(std::string_view bytes) override;

 private:
  Sink& to_;
  StorageLimit& limit_;
  StorageLimit::Room room_;
  uint64_t total_ = 0;
};

class RoomSource : public Source {
 public:
  RoomSource(Source& from, StorageLimit& limit) : from_(from), limit_(limit), room_(limit.room()) {}
  Result<size_t> read(std::span<char> buffer) override;
  // The room of what was read, for as long as no store counts it.
  StorageLimit::Room take_room() { return std::move(room_); }

 private:
  Source& from_;
  StorageLimit& limit_;
  StorageLimit::Room room_;
  uint64_t total_ = 0;
};

// True for an error that says that there is no room: the limit's, or the disk's.
bool is_no_room(const Error& error);

}  // namespace skiff::images
