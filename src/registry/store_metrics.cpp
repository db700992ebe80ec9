#include "registry/store_metrics.h"

#include <sys/statvfs.h>

#include <cerrno>

namespace skiff::registry {

namespace {

// A backlog is as bad with as many candidates as with more; they are not counted at each scrape.
constexpr size_t kMostCounted = 10'000;

void write_outbox(MetricsText& out, MetadataStore& metadata) {
  const Result<OutboxCounts> counts = metadata.outbox_counts();
  if (!counts) return;
  out.single("skiff_registry_webhooks", "gauge", "Webhooks that are not disabled.",
             counts->webhooks);
  out.single("skiff_registry_webhook_events_waiting", "gauge",
             "Events that a webhook is still to be told.", counts->waiting);
  out.single("skiff_registry_webhook_oldest_waiting_timestamp_seconds", "gauge",
             "When the first of those happened, since 1970; 0 where none waits.",
             unix_seconds(counts->oldest));
}

void write_disk(MetricsText& out, const Path& root) {
  struct statvfs disk = {};
  if (::statvfs(root.c_str(), &disk) != 0) return;
  out.single("skiff_registry_disk_size_bytes", "gauge", "Of the file system of the root.",
             uint64_t{disk.f_blocks} * disk.f_frsize);
  out.single("skiff_registry_disk_free_bytes", "gauge", "What the registry may still use of it.",
             uint64_t{disk.f_bavail} * disk.f_frsize);
}

}  // namespace

Result<> probe_database(MetadataStore& metadata, const FileWatch& files, Authorizer& access) {
  TRY(files.check());
  TRY(metadata.next_review());
  TRY(access.may(Viewer(), {.action = Action::kPull}));
  return {};
}

Result<> probe_store(const Path& root, const FileWatch& records) {
  struct statvfs disk = {};
  if (::statvfs((root / "content").c_str(), &disk) == 0) return records.check();
  return Error::from_errno(errno, "the blobs' directory");
}

void write_store_metrics(MetricsText& out, MetadataStore& metadata, const Path& root) {
  if (const auto uploads = metadata.all_uploads()) {
    out.single("skiff_registry_uploads_under_way", "gauge", "Uploads begun and not ended.",
               uint64_t{uploads->size()});
  }
  if (const auto due = metadata.count_due(kMostCounted)) {
    out.single("skiff_registry_gc_candidates_due", "gauge",
               "Candidates for the collection whose time has come, counted up to 10000.",
               uint64_t{*due});
  }
  write_outbox(out, metadata);
  write_disk(out, root);
}

void write_collector_metrics(MetricsText& out, const GarbageCollector::Totals& totals) {
  out.single("skiff_registry_gc_collections_total", "counter", "Collections that ended well.",
             totals.collections.load());
  out.single("skiff_registry_gc_failures_total", "counter",
             "Collections and removals that failed; they are tried again.", totals.failures.load());
  out.single("skiff_registry_gc_reviewed_total", "counter", "Candidates reviewed.",
             totals.reviewed.load());
  out.single("skiff_registry_gc_removed_blobs_total", "counter", "Blobs removed.",
             totals.removed.load());
  out.single("skiff_registry_gc_removed_bytes_total", "counter", "Bytes of removed blobs.",
             totals.bytes.load());
  out.single("skiff_registry_gc_last_collection_timestamp_seconds", "gauge",
             "When the last collection ended, since 1970; 0 for none.",
             static_cast<double>(totals.last.load()) / 1e9);
}

void write_scrub_metrics(MetricsText& out, const ScrubCounts& counts) {
  out.single("skiff_registry_scrubs_total", "counter", "Times that all that was due was read.",
             counts.scrubs.load());
  out.single("skiff_registry_scrub_blobs_total", "counter", "Blobs read again.",
             counts.blobs.load());
  out.single("skiff_registry_scrub_bytes_total", "counter", "Bytes of these.", counts.bytes.load());
  out.single("skiff_registry_scrub_damaged_total", "counter",
             "Damaged blobs, those that were known before, too.", counts.damaged.load());
}

void write_webhook_metrics(MetricsText& out, const WebhookSender* sender) {
  if (sender == nullptr) return;
  const WebhookSender::Totals& totals = sender->totals();
  out.family("skiff_registry_webhook_attempts_total", "counter", "Attempts to tell a webhook.");
  out.sample({{"outcome", "delivered"}}, totals.delivered.load());
  out.sample({{"outcome", "failed"}}, totals.failed.load());
  out.single("skiff_registry_webhook_dropped_total", "counter",
             "Deliveries that were given up: too old, or too many.", totals.dropped.load());
}

void write_log_metrics(MetricsText& out, const AccessLog* log) {
  if (log == nullptr) return;
  out.single("skiff_registry_access_log_lost_lines_total", "counter",
             "Lines of the access log that could not be written.", log->lost());
}

}  // namespace skiff::registry
