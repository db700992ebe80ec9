// StorageLimit: how much blobs and unpacked layers may take together, and the room that work in
// flight has asked for. Without a limit nothing is counted. Thread-safe.
//
//   auto room = limit.room();
//   TRY(room.grow(bytes));        // before they are written
//   ... write, commit ...         // the room ends with `room`: the store counts the bytes now
//
// What was broken off and may be continued counts as stored. Files of containers and volumes do
// not; nor are documents of images asked for, nor other forms of layers that were stored
// (layer_stack.h), which count once they are there.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>

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
    // Ends it. `reserved` turns false at the same moment for whoever counts.
    void end(std::atomic<bool>& reserved) {
      owner_->give_back(std::exchange(bytes_, 0), &reserved);
    }
    uint64_t bytes() const { return bytes_; }

   private:
    friend class StorageLimit;
    explicit Room(StorageLimit* owner) : owner_(owner) {}
    StorageLimit* owner_;
    uint64_t bytes_ = 0;
  };
  Room room() { return Room(this); }

  // The room of a blob that comes from `host`. All who fetch it there have the same one, which ends
  // with the last of them.
  class BlobRoom {
   public:
    explicit BlobRoom(StorageLimit& limit) : room_(limit.room()) {}
    // For the whole blob; nothing where somebody has, or where it is stored.
    Result<> reserve(uint64_t bytes);
    // It is, and counts there.
    void stored();
    bool is_stored() const { return is_stored_; }
    // Whether the blob counts here, wherever it lies by now.
    bool is_reserved() const { return reserved_; }

   private:
    friend class StorageLimit;
    std::mutex mutex_;
    std::optional<Room> room_;
    std::atomic<bool> is_stored_ = false;
    std::atomic<bool> reserved_ = false;
    size_t users_ = 0;  // guarded by incoming_mutex_
  };
  // `ingest`: the reference that it is written under.
  std::shared_ptr<BlobRoom> room_of(const std::string& host, const oci::Digest& blob,
                                    const std::string& ingest);

  uint64_t bytes() const { return bytes_; }
  // What is stored, counted anew.
  Result<uint64_t> used();

 private:
  Result<> take(uint64_t bytes);
  void give_back(uint64_t bytes, std::atomic<bool>* reserved = nullptr);
  void give_back_locked(uint64_t bytes, std::atomic<bool>* reserved);
  void leave(const std::string& key, BlobRoom& room);
  Result<> count();
  Result<> settle_and_count();
  // What counts by the room that was asked for it.
  struct InTransit {
    std::set<std::string> ingests;
    std::set<oci::Digest> blobs;
  };
  InTransit in_transit();

  content::ContentStore& store_;
  snapshot::Snapshotter& snapshots_;
  const uint64_t bytes_;
  struct Incoming {
    std::shared_ptr<BlobRoom> room;
    std::string ingest;
    oci::Digest blob;
  };
  std::mutex incoming_mutex_;
  std::map<std::string, Incoming> incoming_;
  std::mutex mutex_;  // of what follows; taken before the other
  uint64_t taken_ = 0;
  // What was on the disk at most when all removed was last gone from it; and what was given back
  // since, which may be stored by now.
  uint64_t counted_ = 0;
  uint64_t given_back_ = 0;
  std::chrono::steady_clock::time_point counted_at_;
};

// Room for `total` bytes: a step ahead, or near the limit as much as is needed.
Result<> make_room(StorageLimit& limit, StorageLimit::Room& room, uint64_t total);

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
