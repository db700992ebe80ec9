#include "registry/backup_elsewhere.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/mark.h"
#include "access/store.h"
#include "base/log.h"
#include "base/random.h"
#include "base/strings.h"
#include "codec/hash.h"
#include "db/table_copy.h"
#include "registry/elsewhere.h"
#include "registry/mark.h"
#include "registry/schema.h"

namespace skiff::registry::backup {

namespace {

using Use = DatabaseServer::Use;

constexpr int kElsewherePage = 500;
constexpr mode_t kBlobMode = 0444;  // as a content store's

struct Schema {
  const char* name;
  const char* file;
  std::span<const char* const> migrations;
  const char* rows;  // a table that has some where anybody used it
  Use use;           // as who serves has it
};

std::vector<Schema> schemas() {
  return {{access::kSchema, access::kDatabaseName, access::migrations(), "account", Use::kCounted},
          {"registry", kDatabaseName, migrations(), "repository", Use::kDurable}};
}

Result<> save_schema(const DatabaseServer& server, const Schema& schema, const Path& file) {
  if (!TRY(server.has(schema.name))) return {};
  Database from = TRY(server.connect(schema.name, Use::kRead, schema.migrations));
  TRY(access::make_private(file, access::IfMissing::kMake));
  Database to = TRY(Database::open(file, schema.migrations));
  return copy_from_server(from, to);
}

Result<bool> has_rows(Database& db, const char* table) {
  Statement row = TRY(db.prepare(cat("SELECT 1 FROM ", table, " LIMIT 1")));
  return TRY(row.step());
}

Result<> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::from_errno(errno, "write a file of the backup");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

}  // namespace

Result<> save_tables(const DatabaseServer& server, const Path& directory) {
  for (const Schema& schema : schemas()) {
    TRY_CONTEXT(save_schema(server, schema, directory / schema.file),
                cat("copy the tables of ", schema.name));
  }
  return {};
}

Result<> move_tables(const Path& directory, const DatabaseName& to) {
  const std::shared_ptr<const DatabaseServer> server = TRY(reach_database(to));
  for (const Schema& schema : schemas()) {
    if (!TRY(server->has(schema.name))) continue;
    Database there = TRY(server->connect(schema.name, schema.use, schema.migrations));
    if (TRY(has_rows(there, schema.rows))) {
      return Error(Code::kFailedPrecondition,
                   cat(server->description(), " has the tables of another registry"));
    }
  }
  for (const Schema& schema : schemas()) {
    const Path file = directory / schema.file;
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) continue;
    {
      Database from = TRY(Database::open(file, schema.migrations));
      Database there = TRY(server->connect(schema.name, schema.use, schema.migrations));
      TRY_CONTEXT(copy_to_server(from, there), cat("copy the tables of ", schema.name));
    }
    for (const char* part : {"", "-wal", "-shm"}) {
      std::filesystem::remove(Path(cat(file.native(), part)), ignored);
    }
  }
  for (const char* mark : {access::kMarkName, kMarkName}) {
    std::error_code ignored;
    std::filesystem::remove(directory / mark, ignored);
  }
  return place_elsewhere(directory, to);
}

Result<> each_placed_blob(Database& registry, const std::function<Result<>(const Placed&)>& visit) {
  std::string after;
  for (;;) {
    std::vector<Placed> page;
    bool more = false;
    {
      Statement rows = TRY(registry.prepare(
          "SELECT digest, size, place, damaged FROM blob"
          " WHERE state = 'stored' AND place <> '' AND digest > ? ORDER BY digest LIMIT ?",
          after, kElsewherePage));
      for (; TRY(rows.step()); more = true) {
        after = rows.text(0);
        if (auto digest = oci::Digest::parse(after)) {
          page.push_back({*digest,
                          {static_cast<uint64_t>(rows.integer(1)), rows.text(2)},
                          rows.integer(3) != 0});
        }
      }
    }
    if (!more) return {};
    for (const Placed& blob : page) TRY(visit(blob));
  }
}

Result<> note_all_in_files(Database& registry) {
  Transaction tx = TRY(registry.begin());
  TRY(registry.run("UPDATE blob SET place = '', damaged = 0 WHERE place <> ''"));
  TRY(registry.run("DELETE FROM discarded"));
  return tx.commit();
}

Result<> fetch_blob(Blobs& from, const Placed& blob, const Path& to) {
  const auto source = TRY(from.open(blob.digest, blob.at));
  const Path unfinished = cat(to.native(), ".tmp");
  const UniqueFd file = TRY(open_file(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  Hasher hasher(blob.digest.algorithm());
  const auto take = [&](std::string_view bytes) -> Result<> {
    hasher.update(bytes);
    return write_all(file.get(), bytes);
  };
  if (blob.at.size > 0) TRY(source->read(0, blob.at.size, take));
  const oci::Digest actual = oci::Digest::from_hex(blob.digest.algorithm(), hasher.hex());
  if (actual != blob.digest) {
    ::unlink(unfinished.c_str());
    return Error(Code::kDataLoss, cat("blob ", blob.digest.str(), " is ", actual.str()));
  }
  if (::fchmod(file.get(), kBlobMode) != 0) return Error::from_errno(errno, unfinished.native());
  return DurableFiles::system().rename(unfinished, to);
}

Result<BlobsOut> BlobsOut::open(Blobs& to, const Path& notes) {
  return BlobsOut(to, TRY(open_file(notes, O_WRONLY | O_APPEND)));
}

Result<BlobPlace> BlobsOut::put(const Path& file, const oci::Digest& digest) {
  const std::string id = random_hex(32);
  const auto keep = [this, &id](const UploadState& state) { return note(id, state); };
  const auto writer = TRY(to_->resume(id, digest.algorithm(), to_->first_state(), keep));
  const UniqueFd from = TRY(open_file(file, O_RDONLY));
  std::string buffer(size_t{1} << 18U, '\0');
  for (;;) {
    const ssize_t n = ::read(from.get(), buffer.data(), buffer.size());
    if (n < 0) return Error::from_errno(errno, file.native());
    if (n == 0) break;
    TRY(writer->write(std::string_view(buffer).substr(0, static_cast<size_t>(n))));
  }
  return to_->finish(*writer, digest);
}

// Durable before anything is sent to a place.
Result<> BlobsOut::note(const std::string& id, const UploadState& state) {
  std::string lines;
  for (const std::string& place : to_->leftovers(id, state, {})) {
    if (places_.insert(place).second) lines += cat(place, "\n");
  }
  if (lines.empty()) return {};
  TRY(write_all(notes_.get(), lines));
  return DurableFiles::system().sync_file(notes_.get());
}

void BlobsOut::take_back() {
  discard_places(*to_, {places_.begin(), places_.end()});
  places_.clear();
}

void discard_places(Blobs& from, const std::vector<std::string>& places) {
  for (const Result<>& gone : from.discard(places)) {
    if (!gone) log_warn(cat("what came of the restore stays: ", gone.error().message()));
  }
}

}  // namespace skiff::registry::backup
