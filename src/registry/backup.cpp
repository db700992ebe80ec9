#include "registry/backup.h"

#include <sys/stat.h>

#include <algorithm>

#include "base/clock.h"
#include "base/log.h"
#include "base/strings.h"
#include "content/blob_table.h"
#include "content/reconcile.h"
#include "content/root_lock.h"
#include "db/database_copy.h"
#include "db/root_database.h"
#include "registry/backup_directory.h"
#include "registry/backup_elsewhere.h"
#include "registry/mark.h"
#include "registry/registry_id.h"
#include "registry/schema.h"

namespace skiff::registry::backup {

namespace {

constexpr uint64_t kTellEach = 1'000;
constexpr const char* kPruning = "pruning-";  // how a temporary directory begins

// What may stand in a backup's directory.
bool is_ours(const std::string& name) {
  return name == "lock" || name == "blobs" || name == kUnfinished ||
         name.starts_with("snapshot-") || name.starts_with(kPruning);
}

bool is_database(const Path& file) { return file.extension() == ".db"; }

// Of the root's files those that are not made anew by whoever opens it.
bool is_kept(const std::filesystem::directory_entry& entry) {
  std::error_code gone;
  const std::string name = entry.path().filename().native();
  return entry.is_regular_file(gone) && !entry.is_symlink(gone) && name != "lock" &&
         !name.ends_with("-wal") && !name.ends_with("-shm") && !name.ends_with("-journal") &&
         !name.ends_with(".tmp") && name != "database";
}

Result<std::vector<Path>> list(
    const Path& directory,
    const std::function<bool(const std::filesystem::directory_entry&)>& wanted) {
  std::vector<Path> out;
  std::error_code error;
  std::filesystem::directory_iterator entries(directory, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    if (wanted(*entries)) out.push_back(entries->path());
  }
  if (error) return Error::from_errno(error.value(), cat("list ", directory.native()));
  std::ranges::sort(out);
  return out;
}

class Making {
 public:
  Making(const Path& root, const DatabaseServer* server, const Path& to, const Options& options)
      : root_(root), server_(server), to_(to), unfinished_(to / kUnfinished), options_(options) {}

  Result<Summary> run() {
    TRY(begin());
    TRY(copy_files());
    TRY(place_blobs());
    if (options_.elsewhere != nullptr) TRY(fetch_blobs());
    if (options_.still_held) TRY(options_.still_held());
    TRY(describe());
    TRY(finish());
    TRY(prune());
    return summary_;
  }

 private:
  Result<> begin() {
    const auto strangers = TRY(
        list(to_, [](const auto& entry) { return !is_ours(entry.path().filename().native()); }));
    if (!strangers.empty()) {
      return Error(Code::kFailedPrecondition,
                   cat(to_.native(), " holds other things than a backup (",
                       strangers.front().filename().native(), "): choose a directory of its own"));
    }
    TRY(check_owner());
    TRY(remove_tree(unfinished_));
    for (const Path& left : TRY(list(to_, [](const auto& entry) {
           return entry.path().filename().native().starts_with(kPruning);
         }))) {
      TRY(remove_tree(left));
    }
    TRY(make_directories(unfinished_, 0700));
    return make_directories(to_ / "blobs", 0700);
  }

  // With the snapshots of another registry their blobs would go. Those of before there were ids say
  // nothing.
  Result<> check_owner() {
    id_ = TRY(registry_id(root_));
    for (const std::string& before : TRY(snapshots(to_))) {
      const std::string owner = owner_of(before);
      if (owner.empty() || owner == id_) continue;
      return Error(Code::kFailedPrecondition,
                   cat(to_.native(), " has backups of another registry than that in ",
                       root_.native(), ": choose a directory of its own"));
    }
    return {};
  }

  // A damaged one is no reason to make no new one.
  std::string owner_of(const std::string& snapshot) const {
    const Path file = to_ / snapshot / kDescription;
    const auto text = read_file(file);
    const auto described = text ? Description::parse(*text) : Result<Description>(text.error());
    if (described) return described->registry;
    log_warn(cat(file.native(), ": ", described.error().message()));
    return "";
  }

  // registry.db before content.db: that has a row of each blob that this knows, then.
  Result<> copy_files() {
    for (const Path& file : TRY(list(root_, is_kept))) {
      const Path copy = unfinished_ / file.filename();
      TRY(is_database(file) ? copy_database(file, copy) : place_file(file, copy, Placing::kCopy));
    }
    if (server_ != nullptr) TRY(save_tables(*server_, unfinished_));
    registry_.emplace(TRY(Database::open(unfinished_ / "registry.db", migrations())));
    summary_.elsewhere = TRY(count("place <> ''"));
    const Path records = content::Layout(root_ / "content").database();
    std::error_code ignored;
    has_content_ = std::filesystem::exists(records, ignored);  // not with an S3 store
    if (has_content_) TRY(copy_database(records, unfinished_ / "content.db"));
    // Their bytes stay where they are: an upload that is not finished begins anew.
    TRY(registry_->run("DELETE FROM upload"));
    return {};
  }

  // Of the stored blobs.
  Result<uint64_t> count(std::string_view which) {
    Statement row = TRY(
        registry_->prepare(cat("SELECT count(*) FROM blob WHERE state = 'stored' AND ", which)));
    TRY(row.step());
    return static_cast<uint64_t>(row.integer(0));
  }

  Result<> place_blobs() {
    const uint64_t of = TRY(count("place = ''"));
    uint64_t done = 0;
    TRY(each_blob(*registry_, [&](const oci::Digest& digest, uint64_t size) -> Result<> {
      if (options_.progress && done++ % kTellEach == 0) options_.progress(done - 1, of);
      return place_blob(digest, size);
    }));
    return has_content_ ? keep_rows_of_blobs() : Result<>();
  }

  Result<> place_blob(const oci::Digest& digest, uint64_t size) {
    const Path from = blob_file(root_ / "content", digest);
    const Path to = blob_file(to_, digest);
    struct stat st{};
    const bool whole = ::stat(from.c_str(), &st) == 0 && static_cast<uint64_t>(st.st_size) == size;
    if (!whole) {
      log_warn(cat("blob ", digest.str(), " is not whole: it is not in the backup"));
      summary_.damaged.push_back(digest.str());
      return {};
    }
    ++summary_.blobs;
    summary_.bytes += size;
    if (is_placed(to, st)) return {};
    ++summary_.new_blobs;
    summary_.new_bytes += size;
    TRY(make_directories(to.parent_path(), 0700));
    return place_file(from, to, options_.placing);
  }

  // Whether a backup of before has put the blob there: of a copy also as a file of its own.
  bool is_placed(const Path& to, const struct stat& from) const {
    struct stat there{};
    const bool is_same = ::stat(to.c_str(), &there) == 0 && there.st_size == from.st_size &&
                         there.st_mtim.tv_sec == from.st_mtim.tv_sec &&
                         there.st_mtim.tv_nsec == from.st_mtim.tv_nsec;
    return is_same && (options_.placing != Placing::kCopy || there.st_nlink == 1);
  }

  // Blobs that have a place elsewhere come here, and the records say so.
  Result<> fetch_blobs() {
    auto table = TRY(content::BlobTable::open(unfinished_ / "content.db"));
    const uint64_t of = summary_.elsewhere;
    uint64_t done = 0;
    TRY(each_placed_blob(*registry_, [&](const Placed& blob) -> Result<> {
      if (options_.progress && done++ % kTellEach == 0) options_.progress(done - 1, of);
      return fetch_blob_once(blob, table);
    }));
    TRY(table.sync());
    summary_.elsewhere = 0;
    return note_all_in_files(*registry_);
  }

  // One that a snapshot has was right when it came.
  Result<> fetch_blob_once(const Placed& blob, content::BlobTable& table) {
    const Path to = blob_file(to_, blob.digest);
    struct stat st{};
    const bool is_here =
        ::stat(to.c_str(), &st) == 0 && static_cast<uint64_t>(st.st_size) == blob.at.size;
    if (!is_here) {
      TRY(make_directories(to.parent_path(), 0700));
      Result<> fetched = Error(Code::kDataLoss, "it is damaged there");
      if (!blob.damaged) fetched = fetch_blob(*options_.elsewhere, blob, to);
      const Code why = fetched ? Code::kInternal : fetched.error().code();
      if (why == Code::kDataLoss || why == Code::kNotFound) {
        log_warn(cat("blob ", blob.digest.str(), " is not whole: it is not in the backup"));
        summary_.damaged.push_back(blob.digest.str());
        return {};
      }
      if (!fetched) return fetched;
      if (::stat(to.c_str(), &st) != 0) return Error::from_errno(errno, to.native());
      ++summary_.new_blobs;
      summary_.new_bytes += blob.at.size;
    }
    ++summary_.blobs;
    summary_.bytes += blob.at.size;
    const TimePoint modified = TimePoint(std::chrono::seconds(st.st_mtim.tv_sec)) +
                               std::chrono::nanoseconds(st.st_mtim.tv_nsec);
    return table.put_soon({.digest = blob.digest,
                           .size = blob.at.size,
                           .created = modified,
                           .verified = modified,
                           .modified = modified});
  }

  // Of what came after the records there is no file.
  Result<> keep_rows_of_blobs() {
    auto table = TRY(content::BlobTable::open(unfinished_ / "content.db"));
    std::string after;
    for (;;) {
      std::vector<content::BlobInfo> page = TRY(table.page(after));
      if (page.empty()) return {};
      after = page.back().digest.str();
      std::vector<content::BlobInfo> others;
      for (const content::BlobInfo& blob : page) {
        if (!TRY(has(*registry_, blob.digest.str()))) others.push_back(blob);
      }
      if (!others.empty()) TRY(table.erase(others));
    }
  }

  static Result<bool> has(Database& registry, const std::string& digest) {
    Statement row =
        TRY(registry.prepare("SELECT 1 FROM blob WHERE digest = ? AND state = 'stored'", digest));
    return TRY(row.step());
  }

  Result<> describe() {
    registry_.reset();  // what was written to it is in its file then
    Description out{.created = format_rfc3339(Clock::system().now()),
                    .version = SKIFF_VERSION,
                    .registry = id_,
                    .blobs = summary_.blobs,
                    .bytes = summary_.bytes,
                    .elsewhere = summary_.elsewhere,
                    .files = {},
                    .damaged = summary_.damaged};
    for (const Path& file : TRY(list(unfinished_, is_kept))) {
      struct stat st{};
      if (::stat(file.c_str(), &st) != 0) return Error::from_errno(errno, file.native());
      std::string digest = TRY(file_digest(file));
      out.files.push_back({.name = file.filename().native(),
                           .mode = st.st_mode & 0777U,
                           .size = static_cast<uint64_t>(st.st_size),
                           .digest = std::move(digest)});
    }
    return write_file_durably(unfinished_ / kDescription, out.text());
  }

  // Where the name is given, all is there for good.
  Result<> finish() {
    const std::vector<std::string> before = TRY(snapshots(to_));
    uint64_t number = 1;
    if (!before.empty()) {
      number = parse_uint(split_last(before.back(), '-')->second).value_or(0) + 1;
    }
    std::string digits = cat(number);
    if (digits.size() < 6) digits.insert(0, 6 - digits.size(), '0');
    summary_.name = cat("snapshot-", digits);
    TRY(sync_all(to_));
    TRY(DurableFiles::system().rename(unfinished_, to_ / summary_.name));
    return DurableFiles::system().sync_directory(to_);
  }

  // Older snapshots, and blobs that none has any more.
  Result<> prune() {
    std::vector<std::string> kept = TRY(snapshots(to_));
    while (kept.size() > std::max<size_t>(options_.keep, 1)) {
      TRY(remove_tree(to_ / kept.front()));
      kept.erase(kept.begin());
    }
    const TempDir copies = TRY(TempDir::make(to_, kPruning));
    std::vector<Database> records;
    for (const std::string& name : kept) {
      // Copies: to open one of an older version changes it.
      const Path copy = copies.path() / cat(name, ".db");
      TRY(place_file(to_ / name / "registry.db", copy, Placing::kCopy));
      records.push_back(TRY(Database::open(copy, migrations())));
    }
    return content::visit_files(to_ / "blobs", [&](const Path& file) -> Result<> {
      if (const auto digest = content::digest_of_path(file)) {
        for (Database& registry : records) {
          if (TRY(has(registry, digest->str()))) return {};
        }
      }
      return DurableFiles::system().unlink(file);
    });
  }

  const Path& root_;
  const DatabaseServer* const server_;  // null: the tables are in files of the root
  const Path& to_;
  const Path unfinished_;
  const Options& options_;
  std::string id_;  // of the registry
  std::optional<Database> registry_;
  bool has_content_ = false;
  Summary summary_;
};

}  // namespace

Result<Summary> make(const Path& root, const Path& to, const Options& options) {
  const std::shared_ptr<const DatabaseServer> server = TRY(database_server_of(root));
  if (!server && !TRY(has_registry(root))) {
    return Error(Code::kNotFound, cat("there is no registry in ", root.native()));
  }
  std::error_code ignored;
  if (std::filesystem::exists(root / kRestoring, ignored)) {
    return Error(Code::kFailedPrecondition,
                 cat("a restore into ", root.native(), " is not finished"));
  }
  TRY(make_directories(to, 0700));
  const content::RootLock lock = TRY(content::RootLock::take(to));
  return Making(root, server.get(), to, options).run();
}

}  // namespace skiff::registry::backup
