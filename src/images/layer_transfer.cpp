#include "images/layer_transfer.h"

#include <algorithm>
#include <thread>

#include "base/strings.h"

namespace skiff::images {

namespace {

// Docker's default, which registries are used to.
constexpr size_t kDownloads = 3;

Result<> fetch_once(Parts& parts, remote::RegistryClient& client, const oci::Reference& from,
                    const oci::Descriptor& blob, content::Lease& lease, content::Ingest& ingest,
                    const FetchReport& report, const CancelToken& cancel) {
  const auto progress = [&](uint64_t done, uint64_t) {
    if (report.downloading) report.downloading(done);
  };
  if (report.arriving) TRY(report.arriving(ingest));
  TRY(client.fetch_blob(from, blob, ingest, progress, cancel));
  if (report.verifying) report.verifying();
  TRY(parts.store.commit(ingest, blob.digest, &lease));
  return {};
}

std::shared_ptr<StorageLimit::BlobRoom> room_of(Parts& parts, const oci::Reference& from,
                                                const oci::Digest& blob) {
  return parts.limit.room_of(from.domain(), blob, ingest_reference(blob));
}

// One of its own where somebody fetches the same from elsewhere.
Result<std::unique_ptr<content::Ingest>> open_ingest(Parts& parts, const oci::Digest& blob) {
  auto ingest = parts.store.ingest(ingest_reference(blob), blob.algorithm());
  if (ingest || ingest.error().code() != Code::kUnavailable) return ingest;
  return parts.store.ingest("", blob.algorithm());
}

Result<bool> fetch_missing(Parts& parts, remote::RegistryClient& client, const oci::Reference& from,
                           const oci::Descriptor& blob, content::Lease& lease,
                           StorageLimit::BlobRoom& room, const FetchReport& report,
                           const CancelToken& cancel) {
  if (TRY(is_whole(parts, blob.digest, cancel))) return false;
  TRY(room.reserve(blob.size));
  if (client.link_blob(from, blob, parts.store, cancel)) {
    // What an earlier download left, unless somebody goes on with it.
    [[maybe_unused]] auto ignored = parts.store.abort(ingest_reference(blob.digest));
    return true;
  }
  for (;;) {
    const auto ingest = TRY(open_ingest(parts, blob.digest));
    const bool resumed = ingest->offset() > 0;
    const auto fetched = fetch_once(parts, client, from, blob, lease, *ingest, report, cancel);
    if (fetched) return true;
    // What an earlier attempt left may be what is wrong; commit has dropped it.
    if (!resumed || fetched.error().code() != Code::kDataLoss) return fetched.error();
  }
}

}  // namespace

Result<bool> fetch_blob(Parts& parts, remote::RegistryClient& client, const oci::Reference& from,
                        const oci::Descriptor& blob, content::Lease& lease,
                        const FetchReport& report, const CancelToken& cancel) {
  // Only with those who ask the same host: another may never answer.
  const auto guard = TRY(parts.transfers.lock(cat(from.domain(), " ", blob.digest.str()), cancel));
  TRY(lease.hold(blob.digest));
  const auto room = room_of(parts, from, blob.digest);
  const bool is_new = TRY(fetch_missing(parts, client, from, blob, lease, *room, report, cancel));
  room->stored();
  return is_new;
}

LayerTransfer::LayerTransfer(Parts& parts, remote::RegistryClient& client,
                             const oci::Reference& from, content::Lease& lease,
                             ProgressStream& progress, const CancelToken& cancel)
    : parts_(parts),
      client_(client),
      from_(from),
      lease_(lease),
      progress_(progress),
      cancel_(cancel) {}

void LayerTransfer::add_unpacked(DocumentPtr image) {
  image_ = std::move(image);
  const std::vector<oci::Descriptor>& layers = image_->manifest.layers;
  for (size_t i = 0; i < layers.size(); ++i) add_task(layers[i], i);
}

void LayerTransfer::add_blobs(const oci::Manifest& manifest) {
  for (const oci::Descriptor& layer : manifest.layers) add_task(layer, std::nullopt);
}

void LayerTransfer::add_task(const oci::Descriptor& layer, std::optional<size_t> index) {
  if (by_digest_.contains(layer.digest)) return;
  tasks_.push_back(std::make_unique<Task>());
  tasks_.back()->layer = layer;
  tasks_.back()->label = layer.digest.short_hex();
  progress_.name(tasks_.back()->label, layer.digest.str());
  tasks_.back()->index = index;
  by_digest_[layer.digest] = tasks_.back().get();
}

Result<> LayerTransfer::run() {
  if (image_) pin_.emplace(parts_.garbage.pin(image_->snapshots()));
  TRY(announce());
  std::vector<std::thread> workers;
  for (size_t i = 0; i < std::min(kDownloads, pending_.size()); ++i) {
    workers.emplace_back([this] { download_all(); });
  }
  if (const auto unpacked = unpack_all(); !unpacked) fail(unpacked.error());
  for (std::thread& worker : workers) worker.join();
  for (const auto& task : tasks_) task->arriving = {};
  return error_.result();
}

// Tells what is there already and puts the rest on the list.
Result<> LayerTransfer::announce() {
  const std::vector<std::string> snapshots =
      image_ ? image_->snapshots() : std::vector<std::string>();
  const bool has_all = snapshots.empty() || TRY(parts_.unpacker.has_all_below(snapshots.back()));
  for (const auto& task : tasks_) {
    TRY(lease_.hold(task->layer.digest));
    task->room = room_of(parts_, from_, task->layer.digest);
    const bool is_here = TRY(is_whole(parts_, task->layer.digest, cancel_.token()));
    const bool is_unpacked =
        has_all || !task->index || TRY(parts_.unpacker.has_all_below(snapshots[*task->index]));
    if (is_here && is_unpacked) {
      task->done = task->was_here = true;
      progress_.say(task->label, "Already exists");
      continue;
    }
    // Before any of them travels.
    if (!is_here) TRY(task->room->reserve(task->layer.size));
    progress_.say(task->label, "Pulling fs layer");
    pending_.push_back(task.get());
  }
  for (size_t i = kDownloads; i < pending_.size(); ++i) {
    progress_.say(pending_[i]->label, "Waiting");
  }
  return {};
}

void LayerTransfer::download_all() {
  for (size_t i = next_++; i < pending_.size(); i = next_++) {
    Task& task = *pending_[i];
    const auto arriving = [&](content::Ingest& ingest) { return receive_arriving(task, ingest); };
    if (const auto done = download(task, arriving); !done) return fail(done.error());
    if (const auto done = receive(task); !done) return fail(done.error());
    const std::scoped_lock lock(mutex_);
    task.done = true;
    some_done_.notify_all();
  }
}

Result<> LayerTransfer::download(Task& task, const FetchReport::Arriving& arriving) {
  const FetchReport report = {.downloading =
                                  [&](uint64_t bytes) {
                                    progress_.bytes(task.label, "Downloading", bytes,
                                                    task.layer.size);
                                  },
                              .verifying = [&] { progress_.say(task.label, "Verifying Checksum"); },
                              .arriving = arriving};
  if (TRY(fetch_blob(parts_, client_, from_, task.layer, lease_, report, cancel_.token()))) {
    moved_any_ = true;
  }
  progress_.say(task.label, "Download complete");
  task.is_downloaded = true;  // what is unpacked meanwhile tells of itself from here on
  if (!task.index) progress_.say(task.label, "Pull complete");
  return {};
}

Result<> LayerTransfer::receive_arriving(Task& task, content::Ingest& ingest) {
  if (!task.index || !parts_.unpacker.receives()) return {};
  task.arriving = {};  // of an earlier start, whose ingest is gone
  const bool is_whole = ingest.offset() == 0;
  auto blob = TRY(ingest.follow(task.layer.size, cancel_.token()));
  auto receive_all = [this, &task, is_whole, blob = std::move(blob)]() mutable {
    // Gone when this returns: the download must not keep pace with nobody.
    const std::unique_ptr<Source> source = std::move(blob);
    auto incoming =
        parts_.unpacker.receive(*source, *image_, *task.index, extracting(task), cancel_.token());
    if (!incoming && is_final(incoming.error(), is_whole)) fail(incoming.error());
    return incoming;
  };
  task.arriving = std::async(std::launch::async, std::move(receive_all));
  return {};
}

// Whether the rest of the blob can change nothing: of one whose start an earlier attempt left, it
// can.
bool LayerTransfer::is_final(const Error& error, bool is_whole) {
  return error.code() == Code::kResourceExhausted ||
         (is_whole && error.code() == Code::kInvalidArgument);
}

Result<> LayerTransfer::receive(Task& task) {
  if (!task.index) return {};
  if (task.arriving.valid()) {
    auto incoming = task.arriving.get();
    if (incoming) {
      task.incoming = *std::move(incoming);
      return {};
    }
    // A download that started again may have mixed two: what is stored tells.
    TRY(cancel_.token().check());
  }
  task.incoming = TRY(again_if_damaged<LayerUnpacker::Incoming>(task, [&] {
    return parts_.unpacker.receive(*image_, *task.index, extracting(task), cancel_.token());
  }));
  return {};
}

// A blob that was here before may show its damage only when it is read.
template <typename T>
Result<T> LayerTransfer::again_if_damaged(Task& task, const std::function<Result<T>()>& use) {
  Result<T> used = use();
  if (used || TRY(is_whole(parts_, task.layer.digest, cancel_.token()))) return used;
  TRY(download(task, {}));
  return use();
}

// Of a layer that still downloads it is the download that tells how far it is.
LayerUnpacker::Report LayerTransfer::extracting(const Task& task) {
  return [this, &task](uint64_t bytes) {
    if (task.is_downloaded) progress_.bytes(task.label, "Extracting", bytes, task.layer.size);
  };
}

Result<> LayerTransfer::unpack_all() {
  if (!image_) return {};
  const std::vector<oci::Descriptor>& layers = image_->manifest.layers;
  for (size_t i = 0; i < layers.size(); ++i) {
    const bool is_new = TRY(unpack(i));
    const Task& task = *by_digest_.at(layers[i].digest);
    // Also of one that was unpacked as fast as it came.
    if (is_new) progress_.bytes(task.label, "Extracting", layers[i].size, layers[i].size);
    // Somebody else may have unpacked what was fetched here.
    const bool is_first = task.index == i;
    if (is_new || (is_first && !task.was_here)) progress_.say(task.label, "Pull complete");
  }
  return {};
}

// True where the layer was not there.
Result<bool> LayerTransfer::unpack(size_t index) {
  const oci::Descriptor& layer = image_->manifest.layers[index];
  Task& task = *by_digest_.at(layer.digest);
  TRY(wait_for(task));
  const bool is_new = TRY(again_if_damaged<bool>(task, [&] {
    return parts_.unpacker.unpack(*image_, index, extracting(task), cancel_.token());
  }));
  if (task.index == index) task.incoming.reset();
  return is_new;
}

Result<> LayerTransfer::wait_for(const Task& task) {
  std::unique_lock lock(mutex_);
  some_done_.wait(lock, [&] { return task.done || !error_.result(); });
  return error_.result();
}

void LayerTransfer::fail(const Error& error) {
  error_.set(error);
  cancel_.cancel();
  const std::scoped_lock lock(mutex_);
  some_done_.notify_all();
}

}  // namespace skiff::images
