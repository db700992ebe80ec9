// What the local content store finds wrong with itself.
#include <fcntl.h>

#include "base/log.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "content/file_digest.h"
#include "content/local_store.h"
#include "content/reconcile.h"

namespace skiff::content {

namespace {

struct Fault {
  std::string what;     // "" for none
  bool unread = false;  // the disk did not tell
};

Result<Fault> content_fault(const Path& file, const oci::Digest& digest,
                            const VerifyOptions& options, const CancelToken& cancel) {
  const auto fd = open_file(file, O_RDONLY);
  if (!fd && fd.error().sys_errno() == EIO) return Fault{fd.error().message(), true};
  if (!fd) return fd.error();
  const auto actual =
      digest_on_disk(fd->get(), digest.algorithm(), options.bytes_per_second, cancel);
  if (!actual && actual.error().code() == Code::kCancelled) return actual.error();
  if (!actual) return Fault{actual.error().message(), true};
  return Fault{*actual == digest ? "" : cat("its content is ", actual->str()), false};
}

bool same_verdict(const BlobInfo& a, const BlobInfo& b) {
  return a.damaged == b.damaged && a.unread == b.unread && a.verified == b.verified;
}

std::string_view remedy_of(Stray stray) {
  switch (stray) {
    case Stray::kAdopted:
      return "taken in: it is what its name says";
    case Stray::kRemoved:
      return "removed";
    case Stray::kUnreadable:
      return "it cannot be read: look at the disk, then remove it";
  }
  return "";
}

}  // namespace

// What all steps of one check share.
struct LocalStore::Checkup {
  const CheckOptions& options;
  const ProblemSink& report;
  const CancelToken& cancel;
};

Result<> LocalStore::verify(const oci::Digest& digest, const VerifyOptions& options,
                            const CancelToken& cancel) {
  const std::string fault = TRY(find_fault(digest, options, cancel));
  return fault.empty() ? Result<>() : damaged_blob(digest, fault);
}

// What is wrong with the blob, "" for nothing; the row remembers it. kNotFound where there is none.
Result<std::string> LocalStore::find_fault(const oci::Digest& digest, const VerifyOptions& options,
                                           const CancelToken& cancel) {
  const BlobInfo before = TRY(info(digest));
  BlobInfo after = before;
  std::string fault = TRY(examine(after, options, cancel));
  if (same_verdict(before, after)) {
    // A crash may have left it under its name.
    if (after.damaged) TRY(remember_damage(after));
    return fault;
  }
  std::unique_lock pairing(pairing_);
  const std::optional<BlobInfo> now = TRY(table_.find(digest));
  if (!now || now->created != before.created) {
    // Removed or stored again meanwhile: what was read tells nothing of it.
    pairing.unlock();
    return find_fault(digest, options, cancel);
  }
  TRY(records_.check());
  // That one is whole may be forgotten: then it is read again.
  TRY(after.damaged ? table_.put(after) : table_.put_soon(after));
  if (after.damaged) set_aside(after, fault);
  return fault;
}

void LocalStore::set_aside(const BlobInfo& blob, const std::string& fault) {
  const Path file = layout_.blob(blob.digest);
  if (blob.unread) {
    log_error(cat("blob ", blob.digest.str(), " cannot be read: ", fault,
                  "; left where it is, and tried again later"));
    return;
  }
  const std::string told = cat("blob ", blob.digest.str(), " is damaged on disk: ", fault);
  const Result<> moved = quarantine_.take(file, blob.digest);
  if (moved) {
    log_error(cat(told, "; set aside as ", quarantine_.file(blob.digest).native()));
  } else if (moved.error().code() == Code::kNotFound) {
    log_error(told);
  } else {
    log_error(cat(told, "; left where it is: ", moved.error().message()));
  }
}

Result<> LocalStore::remember_damage(const BlobInfo& seen) {
  std::lock_guard pairing(pairing_);
  TRY(records_.check());
  std::optional<BlobInfo> now = TRY(table_.find(seen.digest));
  if (!now || now->created != seen.created) return {};
  struct stat st{};
  if (::stat(layout_.blob(seen.digest).c_str(), &st) != 0) return {};
  const std::string fault = visible_fault(*now, st);
  if (fault.empty() || now->unread) return {};
  if (!now->damaged) {
    now->damaged = true;
    TRY(table_.put(*now));
  }
  set_aside(*now, fault);
  return {};
}

// What is wrong with the blob's file, "" for nothing; updates `blob`.
Result<std::string> LocalStore::examine(BlobInfo& blob, const VerifyOptions& options,
                                        const CancelToken& cancel) {
  const Path file = layout_.blob(blob.digest);
  struct stat st{};
  const bool is_there = ::stat(file.c_str(), &st) == 0;
  const bool is_hidden = !is_there && errno == EIO;
  const bool is_long_enough = is_there && static_cast<uint64_t>(st.st_size) == blob.size;
  const TimePoint modified = is_there ? modified_time(st) : TimePoint();
  const bool is_suspect = modified != blob.modified;
  // Not looked at twice: it may be removed between the two.
  if (is_long_enough && !options.always && !is_suspect && !blob.unread) {
    return visible_fault(blob, st);
  }
  Fault fault;
  if (is_long_enough) {
    fault = TRY(content_fault(file, blob.digest, options, cancel));
  } else {
    blob.unread = false;
    fault = {.what = visible_fault(blob), .unread = is_hidden};
  }
  blob.damaged = !fault.what.empty();
  blob.unread = fault.unread;
  if (!blob.damaged) {
    blob.verified = clock_.now();
    blob.modified = modified;
  }
  return fault.what;
}

Result<> LocalStore::check(const CheckOptions& options, const ProblemSink& report,
                           const CancelToken& cancel) {
  TRY(records_.check());
  settle();
  const Checkup checkup{.options = options, .report = report, .cancel = cancel};
  for (const std::string& fault : TRY(table_.faults())) {
    report({.what = fault,
            .where = layout_.database().native(),
            .remedy = "stop the daemon and delete this file: it is made anew from the blobs"});
  }
  TRY(walk([&](const BlobInfo& blob) { return check_blob(blob.digest, checkup); }));
  TRY(visit_files(layout_.blobs(),
                  [&](const Path& file) { return check_blob_file(file, checkup); }));
  TRY(visit_files(layout_.ingests(),
                  [&](const Path& file) { return check_ingest_file(file, checkup); }));
  std::error_code ignored;
  if (!std::filesystem::exists(layout_.quarantine(), ignored)) return {};
  return visit_files(layout_.quarantine(),
                     [&](const Path& file) { return check_quarantined_file(file, checkup); });
}

Path LocalStore::place_of(const oci::Digest& digest) const {
  std::error_code ignored;
  const Path aside = quarantine_.file(digest);
  return std::filesystem::exists(aside, ignored) ? aside : layout_.blob(digest);
}

Result<> LocalStore::check_blob(const oci::Digest& digest, const Checkup& checkup) {
  TRY(checkup.cancel.check());
  const auto fault = find_fault(digest, {.always = checkup.options.deep}, checkup.cancel);
  if (!fault && fault.error().code() == Code::kNotFound) return {};  // removed meanwhile
  if (!fault) return fault.error();
  if (fault->empty()) return {};
  Problem problem{.what = cat("blob ", digest.str(), " is damaged: ", *fault),
                  .where = place_of(digest).native(),
                  .remedy = cat(how_back(checkup.options, digest.str()), ", or ", kRepairRemedy)};
  const std::optional<BlobInfo> now = TRY(table_.find(digest));
  if (now && now->unread) {
    problem.remedy = cat("look at the disk: it is read again by each check and scrub; or ",
                         how_back(checkup.options, digest.str()));
  } else if (checkup.options.repair) {
    TRY(remove_damaged(digest, checkup.options, problem));
  }
  checkup.report(problem);
  return {};
}

// Not where it was stored again meanwhile, nor what a lease holds: somebody is about to record it,
// or to store it again.
Result<> LocalStore::remove_damaged(const oci::Digest& digest, const CheckOptions& options,
                                    Problem& problem) {
  std::lock_guard pairing(pairing_);
  TRY(records_.check());
  const std::optional<BlobInfo> blob = TRY(table_.find(digest));
  if (!blob || visible_fault(*blob).empty()) return {};
  {
    const LeaseTable::Frozen leases(*leases_);
    if (leases.holds(digest)) {
      problem.remedy = cat("somebody works with it now: ", kRepairRemedy, " later");
      return {};
    }
    TRY(table_.erase({&*blob, 1}));
  }
  TRY(remove_file(*blob));
  problem.remedy = cat("removed: ", how_back(options, digest.str()));
  problem.mended = true;
  return {};
}

Result<> LocalStore::check_blob_file(const Path& file, const Checkup& checkup) {
  TRY(checkup.cancel.check());
  std::lock_guard pairing(pairing_);
  const Result<oci::Digest> digest = digest_of_path(file);
  if (digest && TRY(table_.find(*digest))) return {};
  std::error_code ignored;
  if (!std::filesystem::exists(std::filesystem::symlink_status(file, ignored))) return {};
  Problem problem{.what = digest ? cat("blob ", digest->str(), " has a file but no record")
                                 : "a file that is no blob",
                  .where = file.native(),
                  .remedy = kRepairRemedy};
  if (checkup.options.repair) {
    TRY(records_.check());
    const Stray done = TRY(adopt_or_remove(file, table_, files_, clock_));
    problem.remedy = remedy_of(done);
    problem.mended = done != Stray::kUnreadable;
  }
  checkup.report(problem);
  return {};
}

// What a crash left of a blob that was removed or stored again, or of a lost table.
Result<> LocalStore::check_quarantined_file(const Path& file, const Checkup& checkup) {
  TRY(checkup.cancel.check());
  std::lock_guard pairing(pairing_);
  const auto digest = oci::Digest::parse(
      cat(file.parent_path().filename().native(), ":", file.filename().native()));
  std::optional<BlobInfo> row;
  if (digest) row = TRY(table_.find(*digest));
  if (row && row->damaged) return {};
  Problem problem{.what = "a damaged file is kept for a blob that is not missing",
                  .where = file.native(),
                  .remedy = kRepairRemedy};
  if (checkup.options.repair) {
    TRY(records_.check());
    TRY(files_.unlink(file));
    problem.remedy = "removed";
    problem.mended = true;
  }
  checkup.report(problem);
  return {};
}

Result<> LocalStore::check_ingest_file(const Path& file, const Checkup& checkup) {
  if (!open_ingests_->add(file)) return {};  // being written
  ScopeExit close([&] { open_ingests_->remove(file); });
  std::error_code ignored;
  if (!is_lost(file, clock_.now()) || !std::filesystem::exists(file, ignored)) return {};
  Problem problem{.what = "a broken-off write that nobody goes on with",
                  .where = file.native(),
                  .remedy = kRepairRemedy};
  if (checkup.options.repair) {
    TRY(files_.unlink(file));
    problem.remedy = "removed";
    problem.mended = true;
  }
  checkup.report(problem);
  return {};
}

}  // namespace skiff::content
