#include "snapshot/layer_content.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "base/strings.h"
#include "content/file_digest.h"
#include "snapshot/file_attributes.h"
#include "snapshot/layer_directory.h"
#include "snapshot/layer_forms.h"

namespace skiff::snapshot {

namespace {

Result<oci::Digest> digest_of(const Path& file, const ReadOptions& how,
                              HashAlgorithm algorithm = HashAlgorithm::kSha256) {
  const UniqueFd fd = TRY(open_file(file, O_RDONLY));
  return content::digest_on_disk(fd.get(), algorithm, how.bytes_per_second, how.cancel)
      .context(file.native());
}

// A chainID names the content of the layer and of all below it (OCI image-spec, config.md), by the
// hash that the image's author took for the layer: of one on top the name does not tell which.
Result<std::string> find_tar_fault(const Path& tar, const SnapshotRow& row,
                                   const ReadOptions& how) {
  const auto name = oci::Digest::parse(row.info.name);
  if (!name) return "";
  if (row.info.parent.empty()) {
    const oci::Digest content = TRY(digest_of(tar, how, name->algorithm()));
    return content == *name ? "" : cat("its tar is ", content.str());
  }
  const auto is_named = [&](const oci::Digest& content) {
    return oci::Digest::of(cat(row.info.parent, " ", content.str())) == *name;
  };
  const oci::Digest content = TRY(digest_of(tar, how));
  if (is_named(content) || is_named(TRY(digest_of(tar, how, HashAlgorithm::kSha512)))) return "";
  return cat("its tar is ", content.str());
}

Result<std::string> find_index_fault(const Path& index, const SnapshotRow& row,
                                     const ReadOptions& how) {
  if (row.index.empty()) return "";
  const oci::Digest content = TRY(digest_of(index, how));
  return content.hex() == row.index ? "" : cat("its index is ", content.str());
}

std::string nanos(const timespec& time) { return std::to_string(unix_nanos(time_of(time))); }

TimePoint last_read(const SnapshotRow& row) { return std::max(row.verified, row.info.created); }

Result<std::vector<SnapshotRow>> due_layers(SnapshotTable& table, const Path& directory,
                                            TimePoint unread_since) {
  std::vector<SnapshotRow> rows = TRY(table.all());
  std::erase_if(rows, [&](const SnapshotRow& row) {
    const bool is_due = !row.info.damage.empty() || last_read(row) < unread_since;
    const Path layer = directory / std::to_string(row.id);
    const bool is_known = is_indexed(layer) || is_present(layer / kDigestName) || has_forms(layer);
    return !is_due || row.info.kind != Kind::kCommitted || !is_known;
  });
  std::ranges::sort(rows, {},
                    [](const SnapshotRow& row) { return std::pair(last_read(row), row.id); });
  return rows;
}

}  // namespace

Result<std::string> fault_or_error(Result<std::string> found) {
  if (found || found.error().code() == Code::kCancelled) return found;
  const int why = found.error().sys_errno();
  if (why == EMFILE || why == ENFILE || why == ENOMEM) return found;
  return found.error().message();
}

Error damaged_layer(const Info& info) {
  return {Code::kDataLoss, cat("layer ", info.name, " is damaged on disk (", info.damage,
                               "): pull its image again, or run skiff system check --repair")};
}

std::string files_stamp(const Path& layer) {
  std::string stamp;
  for (const char* name : {kTarName, kIndexName}) {
    struct stat st{};
    if (::stat((layer / name).c_str(), &st) != 0) continue;
    stamp += cat(name, " ", st.st_size, " ", nanos(st.st_mtim), " ", nanos(st.st_ctim), "\n");
  }
  return stamp;
}

bool is_touched(const SnapshotRow& row, const Path& layer) {
  return !row.stamp.empty() && row.stamp != files_stamp(layer);
}

Result<std::string> tar_fault(const Path& layer, const SnapshotRow& row, const ReadOptions& how) {
  return fault_or_error(find_tar_fault(layer / kTarName, row, how));
}

Result<std::string> index_fault(const Path& layer, const SnapshotRow& row, const ReadOptions& how) {
  return fault_or_error(find_index_fault(layer / kIndexName, row, how));
}

namespace {

Result<Verdict> examine(const SnapshotRow& row, const Path& layer, const ReadOptions& how,
                        const Clock& clock) {
  Verdict found{.stamp = files_stamp(layer), .verified = clock.now()};
  if (is_indexed(layer)) found.damage = TRY(tar_fault(layer, row, how));
  if (is_indexed(layer) && found.damage.empty()) found.damage = TRY(index_fault(layer, row, how));
  if (found.damage.empty()) found.damage = TRY(tree_fault(layer, how));
  if (found.damage.empty()) found.damage = TRY(forms_fault(layer, how));
  if (found.damage.empty()) return found;
  return Verdict{.damage = found.damage, .stamp = row.stamp, .verified = row.verified};
}

// The layer `due` as it is by now, with what was found; nullopt where it is gone.
Result<std::optional<SnapshotRow>> scrub_layer(const KeptLayers& layers, const SnapshotRow& due,
                                               const ReadOptions& how) {
  // Again for as long as others change it under the reading.
  while (true) {
    Result<SnapshotRow> row = layers.table.get(due.info.name);
    if (!row && row.error().code() != Code::kNotFound) return row.error();
    if (!row || row->id != due.id) return std::optional<SnapshotRow>();
    // What is known to be damaged is told, and not read again and again.
    if (!row->info.damage.empty()) return std::optional(std::move(*row));
    const Path layer = layers.directory / std::to_string(row->id);
    const Verdict found = TRY(examine(*row, layer, how, layers.clock));
    const std::scoped_lock lock(layers.changing);
    if (!TRY(layers.table.set_verified(*row, found))) continue;
    row->info.damage = found.damage;
    if (!found.damage.empty()) log_error(damaged_layer(row->info).message());
    return std::optional(std::move(*row));
  }
}

}  // namespace

Result<content::ScrubTotals> scrub_layers(const KeptLayers& layers,
                                          const content::ScrubOptions& options,
                                          const std::function<void(const Error&)>& damaged,
                                          const CancelToken& cancel) {
  content::ScrubTotals totals;
  const ReadOptions how{.bytes_per_second = options.bytes_per_second, .cancel = cancel};
  for (const SnapshotRow& due :
       TRY(due_layers(layers.table, layers.directory, options.unread_since))) {
    const auto row = TRY(scrub_layer(layers, due, how));
    if (!row) continue;
    ++totals.layers;
    const Path layer = layers.directory / std::to_string(row->id);
    std::error_code ignored;
    if (due.info.damage.empty() && is_indexed(layer)) {
      totals.bytes += std::filesystem::file_size(layer / kTarName, ignored);
    }
    if (row->info.damage.empty()) continue;
    ++totals.damaged;
    damaged(damaged_layer(row->info));
  }
  return totals;
}

}  // namespace skiff::snapshot
