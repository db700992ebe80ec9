#include "registry/schema.h"

namespace skiff::registry {

namespace {

// Times are Unix nanoseconds. docs/formats/registry.md explains each table.
constexpr const char* kMigrations[] = {
    "CREATE TABLE repository("
    " id INTEGER PRIMARY KEY,"
    " name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE blob("
    " digest TEXT PRIMARY KEY NOT NULL,"
    " size INTEGER NOT NULL,"
    " state TEXT NOT NULL CHECK(state IN ('arriving', 'stored', 'doomed'))) WITHOUT ROWID;"
    "CREATE INDEX blob_unsettled ON blob(digest) WHERE state <> 'stored';"
    "CREATE TABLE link("
    " repository INTEGER NOT NULL REFERENCES repository(id),"
    " digest TEXT NOT NULL REFERENCES blob(digest),"
    " lease INTEGER NOT NULL,"
    " PRIMARY KEY(repository, digest)) WITHOUT ROWID;"
    "CREATE INDEX link_of_blob ON link(digest);"
    "CREATE TABLE manifest("
    " repository INTEGER NOT NULL REFERENCES repository(id),"
    " digest TEXT NOT NULL,"
    " media_type TEXT NOT NULL,"
    " artifact_type TEXT NOT NULL,"
    " subject TEXT,"
    " annotations TEXT NOT NULL,"
    " lease INTEGER NOT NULL,"
    " bytes BLOB NOT NULL,"
    " PRIMARY KEY(repository, digest));"
    "CREATE INDEX manifest_of_subject ON manifest(repository, subject, digest)"
    " WHERE subject IS NOT NULL;"
    "CREATE TABLE edge("
    " repository INTEGER NOT NULL,"
    " parent TEXT NOT NULL,"
    " child TEXT NOT NULL,"
    " PRIMARY KEY(repository, parent, child),"
    " FOREIGN KEY(repository, parent) REFERENCES manifest(repository, digest)) WITHOUT ROWID;"
    "CREATE INDEX edge_of_child ON edge(repository, child, parent);"
    "CREATE TABLE tag("
    " repository INTEGER NOT NULL,"
    " name TEXT NOT NULL,"
    " digest TEXT NOT NULL,"
    " updated INTEGER NOT NULL,"
    " PRIMARY KEY(repository, name),"
    " FOREIGN KEY(repository, digest) REFERENCES manifest(repository, digest)) WITHOUT ROWID;"
    "CREATE INDEX tag_in_order ON tag(repository, name COLLATE NOCASE, name);"
    "CREATE INDEX tag_of_manifest ON tag(repository, digest);"
    "CREATE TABLE upload("
    " id TEXT PRIMARY KEY NOT NULL,"
    " repository INTEGER NOT NULL REFERENCES repository(id),"
    " algorithm TEXT NOT NULL,"
    " touched INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX upload_of_repository ON upload(repository);"
    "CREATE INDEX upload_by_age ON upload(touched);"
    "CREATE TABLE candidate("
    " repository INTEGER NOT NULL,"
    " digest TEXT NOT NULL,"
    " review INTEGER NOT NULL,"
    " PRIMARY KEY(repository, digest)) WITHOUT ROWID;"
    "CREATE INDEX candidate_by_time ON candidate(review);",
    "ALTER TABLE manifest ADD COLUMN orphaned INTEGER NOT NULL DEFAULT 0;",
    "ALTER TABLE upload ADD COLUMN offset INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE upload ADD COLUMN hash BLOB NOT NULL DEFAULT x'';"
    "ALTER TABLE upload ADD COLUMN boot TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE upload ADD COLUMN becoming TEXT;"};

}  // namespace

std::span<const char* const> migrations() { return kMigrations; }

}  // namespace skiff::registry
