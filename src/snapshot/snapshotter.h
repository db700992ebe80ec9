// Snapshotter: the file trees of layers and containers, stacked.
//
// A snapshot is *active* (writable, one user) or *view* (read-only), or *committed*
// (immutable, may be a parent). The words are containerd's: a key names an active
// snapshot or view, a name a committed one, and only committed ones are parents.
//
// A worked example, an image of two layers and one container:
//   TRY(s.unpack("sha256:chain1", "", layer1_tar));               // committed
//   TRY(s.unpack("sha256:chain2", "sha256:chain1", layer2_tar));
//   TRY(s.prepare("container-ab", "sha256:chain2"));              // active
//   Mount m = TRY(s.mount_of("container-ab"));                    // how to mount it
//   ... the container runs and writes ...
//   TRY(s.diff("container-ab", tar_sink));                        // its changes, as a layer
//   TRY(s.remove("container-ab"));
//
// Two back ends stand behind it: *erofs* keeps a layer's tar and mounts it through an index;
// *overlay* unpacks it into a directory. Which is why layers come in and go out as tar streams,
// and why a user sees a Mount, never a directory of a layer. A store may hold layers of both.
//
// Durable: what returned success survives a power cut. Thread-safe; one key is used by one
// thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancellation.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/io.h"
#include "base/problem.h"
#include "content/content_store.h"
#include "content/scrub.h"
#include "oci/digest.h"
#include "sys/user_namespace.h"

namespace skiff::snapshot {

enum class Backend { kErofs, kOverlay };
std::string_view name_of(Backend backend);  // "erofs", "overlay"

enum class Kind { kActive, kView, kCommitted };

struct Info {
  std::string name;  // key or name
  std::string parent;
  Kind kind = Kind::kActive;
  TimePoint created;
  std::string damage;  // what is wrong with its files, as far as that was noticed; "" for nothing
};

// What the user is told of a damaged one (kDataLoss).
Error damaged_layer(const Info& info);

struct Usage {
  uint64_t bytes = 0;  // allocated on disk, without parents
  uint64_t inodes = 0;
};

// What to mount to see a snapshot's tree: an overlay of read-only directories, lowest
// last, and for an active one an upper and a work directory.
struct Mount {
  std::vector<Path> lowers;  // topmost first
  Path upper;                // empty for a view
  Path work;
  // As whom the owners of files are shown: on disk they stay as the layers have them, so that one
  // layer serves every mapping, and what is written comes down as inside. Null: as on disk.
  std::shared_ptr<const sys::UserNamespace> ids = nullptr;
  std::string label = {};  // the SELinux label of all that is in it; "": as on disk
  // Nobody looks at what is written after a crash: fsync() in it and its unmounting, which else
  // waits for all that waits to be written to the file system of `upper`, write nothing.
  bool is_passing = false;
};

enum class ChangeKind { kModified, kAdded, kDeleted };
struct Change {
  std::string path;  // absolute within the tree
  ChangeKind kind = ChangeKind::kModified;
};

// A layer that was read and has no place in a stack yet. Destroyed, nothing of it stays.
class ReceivedLayer {
 public:
  virtual ~ReceivedLayer() = default;
};

// A layer's tar for who stores it, to be read to its end or taken as the file that it is kept in.
class LayerToStore : public Source {
 public:
  struct Kept {
    Path file;  // on the disk, and never written to again
    oci::Digest digest = oci::Digest::of("");
  };
  // Null where it is not kept in a file.
  virtual const Kept* kept() const = 0;
};

class LentContents;  // lent_contents.h

class Snapshotter {
 public:
  virtual ~Snapshotter() = default;

  // In which form new layers are kept.
  virtual Backend backend() const = 0;

  // Applies a layer's uncompressed tar on top of `parent` ("" for none) and commits the
  // result as `name`; kAlreadyExists when it is there, unless it is damaged: then its files are
  // replaced, and who stands on it stays. `tar` is read to its very end. Each
  // entry is resolved inside the root, absolute names from there; an archive that tries to leave it
  // ("..", through symlinks, hard links) is refused (kInvalidArgument) and nothing stays.
  virtual Result<> unpack(const std::string& name, const std::string& parent, Source& tar,
                          const CancelToken& cancel = {}) = 0;
  // unpack() in two halves, the first of which needs no parent: layers are received side by
  // side and added from the lowest up. nullptr, and nothing read, where the back end has no such
  // halves. Nothing can lie below an image's first layer, which so has nothing to hide.
  enum class Position { kFirst, kOnTop };
  virtual Result<std::unique_ptr<ReceivedLayer>> receive(Source& tar, Position position,
                                                         const CancelToken& cancel) = 0;
  virtual Result<> add(const std::string& name, const std::string& parent,
                       std::unique_ptr<ReceivedLayer> layer) = 0;

  virtual Result<> prepare(const std::string& key, const std::string& parent) = 0;
  virtual Result<> view(const std::string& key, const std::string& parent) = 0;
  // kDataLoss where one that it stands on is known to be damaged.
  virtual Result<Mount> mount_of(const std::string& key) = 0;
  // The topmost of `name` and what it stands on that is known to be damaged.
  virtual Result<std::optional<Info>> damaged_below(const std::string& name) = 0;

  // Turns the active snapshot `key` into the committed `name`. It must not be mounted.
  virtual Result<> commit(const std::string& name, const std::string& key) = 0;
  // The same as a layer: `store` is given what `key` adds to its parent, and returns the
  // name. kAlreadyExists where that is taken: `key` stays active then, as
  // after any other failure. `make_room`, where there is one, is told how many bytes the layer
  // takes here, before each of them is written: its refusal is such a failure. `lent` are contents
  // of files in `key` that were lent for this; none where layers are kept unpacked.
  using StoreLayer = std::function<Result<std::string>(LayerToStore& tar)>;
  using MakeRoom = std::function<Result<>(uint64_t bytes)>;
  virtual Result<> seal(const std::string& key, const StoreLayer& store, const MakeRoom& make_room,
                        const CancelToken& cancel, const LentContents* lent = nullptr) = 0;
  // The same of one that stays active, and may be mounted: its changes become a layer on top of
  // `parent`. Where layers are kept unpacked, `store` is all that happens: whoever wants the layer
  // unpacks it.
  virtual Result<> capture(const std::string& key, const std::string& parent,
                           const StoreLayer& store, const MakeRoom& make_room,
                           const CancelToken& cancel) = 0;
  // Refused (kFailedPrecondition) while it is a parent; kNotFound.
  virtual Result<> remove(const std::string& name) = 0;
  // What was removed is gone for all who look; this waits until its room is free, too.
  virtual void settle() = 0;

  virtual Result<Info> stat(const std::string& name) = 0;  // kNotFound
  // Of a committed one it is kept once it was counted, unless it is asked for in passing: keeping
  // waits for the disk.
  enum class Asked { kAgain, kInPassing };
  virtual Result<Usage> usage(const std::string& name, Asked asked = Asked::kAgain) = 0;
  virtual Result<> walk(const std::function<Result<>(const Info&)>& visit) = 0;

  // Compares rows and files with one another, while others work; see snapshot_check.h.
  virtual Result<> check(const CheckOptions& options, const ProblemSink& report,
                         const CancelToken& cancel = {}) = 0;

  // Reads the files of layers again, as content::scrub() does blobs. What is found damaged
  // is in the log too, and in `check`.
  virtual Result<content::ScrubTotals> scrub(const content::ScrubOptions& options,
                                             const std::function<void(const Error&)>& damaged,
                                             const CancelToken& cancel) = 0;

  // What an active snapshot adds to its parent, as a layer tar: sorted by path, whiteouts in
  // AUFS form (".wh."), times as they are on disk. The same tree gives the same bytes; of a layer
  // whose tar is kept it is that one, byte for byte.
  virtual Result<> diff(const std::string& key, Sink& tar) = 0;
  // The same as a list, as `docker diff` shows it. Both also take a committed snapshot, and
  // refuse a view (kFailedPrecondition).
  virtual Result<std::vector<Change>> changes(const std::string& key) = 0;
};

// The best back end for here: erofs where a tiny index can be mounted under `scratch`, a
// directory, else overlay.
struct BackendChoice {
  Backend backend = Backend::kOverlay;  // of new layers
  std::string why_not_erofs;
  // Why indexed layers cannot be mounted: one that is there is unpacked when it is needed. ""
  // where they can.
  std::string why_no_indexes;
  // Why nothing can be written on top of layers, so that no container runs: what overlayfs does not
  // take as upper, itself for one. "" where it can.
  std::string why_no_upper;
};
BackendChoice choose_backend(const Path& scratch);
// Whether snapshots below `scratch` can be mounted with mapped ids; why not, and what to do.
Result<> check_mapped_mounts(const Path& scratch);

// Opens the store under `root`; removes what a crash left half-done. kUnavailable while another
// process has it open.
Result<std::unique_ptr<Snapshotter>> open_snapshotter(const Path& root, const BackendChoice& choice,
                                                      DurableFiles& files = DurableFiles::system(),
                                                      const Clock& clock = Clock::system());

// A mounted snapshot; unmounts on destruction unless released.
class MountedSnapshot {
 public:
  // Mounts at `target`, an existing directory.
  static Result<MountedSnapshot> mount(const Mount& what, const Path& target);
  // What `find` says, asked again where a layer's tree was replaced between that and the mounting:
  // a check that repairs does not wait for those who have only asked.
  using Find = std::function<Result<Mount>()>;
  static constexpr int kAttempts = 3;  // each but the first needs a repair just then
  static Result<MountedSnapshot> mount(const Find& find, const Path& target);
  MountedSnapshot(MountedSnapshot&& other) noexcept : target_(std::exchange(other.target_, {})) {}
  MountedSnapshot& operator=(MountedSnapshot&& other) noexcept;
  MountedSnapshot(const MountedSnapshot&) = delete;
  MountedSnapshot& operator=(const MountedSnapshot&) = delete;
  ~MountedSnapshot();

  const Path& path() const { return target_; }
  Path release() { return std::exchange(target_, {}); }

 private:
  explicit MountedSnapshot(Path target) : target_(std::move(target)) {}
  Path target_;
};

}  // namespace skiff::snapshot
