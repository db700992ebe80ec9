// LayerTransfer: the layers of a pull, from the registry into the store, and those of one
// image on into the snapshotter while they come. No layer waits for another, but to take its
// place in the end.
#pragma once

#include <atomic>
#include <condition_variable>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "images/linked_cancel.h"
#include "images/parts.h"
#include "images/progress.h"
#include "remote/registry_client.h"

namespace skiff::images {

struct FetchReport {
  std::function<void(uint64_t bytes)> downloading;
  std::function<void()> verifying;
  // The blob's bytes are about to come into `ingest`; called again where it starts anew.
  using Arriving = std::function<Result<>(content::Ingest& ingest)>;
  Arriving arriving;
};

// One blob into the store, held by `lease`, continuing what an earlier attempt left. False
// where it was there. Waits for another who fetches the same.
Result<bool> fetch_blob(Parts& parts, remote::RegistryClient& client, const oci::Reference& from,
                        const oci::Descriptor& blob, content::Lease& lease,
                        const FetchReport& report, const CancelToken& cancel);

class LayerTransfer {
 public:
  LayerTransfer(Parts& parts, remote::RegistryClient& client, const oci::Reference& from,
                content::Lease& lease, ProgressStream& progress, const CancelToken& cancel);

  // The image to unpack; first of all.
  void add_unpacked(DocumentPtr image);
  // Layers to have in the store only.
  void add_blobs(const oci::Manifest& manifest);

  // Returns when all is done, or at the first failure, with all threads ended. The snapshots
  // are kept from collection as long as this lives: until the image is recorded.
  Result<> run();
  bool moved_any() const { return moved_any_; }

 private:
  struct Task {
    oci::Descriptor layer;
    std::string label;
    std::optional<size_t> index;  // in the image to unpack
    bool was_here = false;
    bool done = false;
    std::shared_ptr<StorageLimit::BlobRoom> room;
    std::atomic<bool> is_downloaded = false;
    std::future<Result<LayerUnpacker::Incoming>> arriving;  // received while it is downloaded
    LayerUnpacker::Incoming incoming;                       // kept until the layer has its place
  };

  void add_task(const oci::Descriptor& layer, std::optional<size_t> index);
  Result<> announce();
  void download_all();
  Result<> download(Task& task, const FetchReport::Arriving& arriving);
  Result<> receive_arriving(Task& task, content::Ingest& ingest);
  static bool is_final(const Error& error, bool is_whole);
  Result<> receive(Task& task);
  template <typename T>
  Result<T> again_if_damaged(Task& task, const std::function<Result<T>()>& use);
  Result<> unpack_all();
  Result<bool> unpack(size_t index);
  LayerUnpacker::Report extracting(const Task& task);
  Result<> wait_for(const Task& task);
  void fail(const Error& error);

  Parts& parts_;
  remote::RegistryClient& client_;
  const oci::Reference& from_;
  content::Lease& lease_;
  ProgressStream& progress_;
  LinkedCancel cancel_;
  DocumentPtr image_;
  std::optional<Garbage::Pin> pin_;  // of its snapshots
  std::vector<std::unique_ptr<Task>> tasks_;
  std::map<oci::Digest, Task*> by_digest_;
  std::vector<Task*> pending_;
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> moved_any_ = false;
  FirstError error_;
  std::mutex mutex_;  // of Task::done
  std::condition_variable some_done_;
};

}  // namespace skiff::images
