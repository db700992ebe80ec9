// Quotas: how many bytes the repositories at and below a node may have together.
//
// What counts of a repository: its manifests, and each blob once that a manifest of it names or
// that was pushed or mounted and waits for one (until its lease ends: what an aborted push brought
// is free again then). A blob in two repositories counts in both. What is in the trash does not
// count, nor does an upload until it is a blob. `repository.used` is that sum, and changes in the
// transaction that changes what counts.
//
// A quota is taken from in shares (`quota_share`), one a lane of the database's connections: who
// needs room takes more than that, and what goes is given back to the own share. So pushes side
// by side seldom meet at the quota's row, and still cannot exceed it together: who finds too
// little left calls all shares back first. `quota.used` is what is used and what shares have.
#pragma once

#include <cstdint>
#include <optional>

#include "db/database.h"
#include "oci/digest.h"
#include "registry/policy.h"

namespace skiff::registry {

struct Quota {
  std::string node;
  uint64_t bytes = 0;
  uint64_t used = 0;
};

// Also to less than is used: then nothing more comes. Counts again what is used.
Result<> set_quota(Database& db, const std::string& node, uint64_t bytes);
// kNotFound.
Result<> remove_quota(Database& db, const std::string& node);
// By node.
Result<std::vector<Quota>> list_quotas(Database& db);
// Of any node, with a quota or not.
Result<uint64_t> used_at(Database& db, const std::string& node);

// A policy refusal where a quota above the repository has no room for so many bytes more.
Result<> check_room(Database& db, const std::string& repository, uint64_t bytes);

// The following inside the transaction of the change. Each counts what it says and returns by how
// many bytes the repository's use changes, which `charge` writes.

// A policy refusal where the repository's use grows beyond a quota above it.
Result<> charge(Database& db, int64_t repository, int64_t bytes);
// The repository's link to a blob counts from now on, or no more. Nothing where it is so.
Result<int64_t> count_link(Database& db, int64_t repository, const std::string& digest);
Result<int64_t> uncount_link(Database& db, int64_t repository, const std::string& digest);
// What the manifest names, whose edges are there.
Result<int64_t> count_children(Database& db, int64_t repository, const std::string& manifest);
// The manifest, which is there still, and what it alone names.
Result<int64_t> uncount_manifest(Database& db, int64_t repository, const std::string& manifest);
// All links to the blob are about to go.
Result<> uncount_everywhere(Database& db, const std::string& digest);

}  // namespace skiff::registry
