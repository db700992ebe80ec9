// skiff-registry backup, skiff-registry restore
#include <unistd.h>

#include <cstdio>

#include "base/strings.h"
#include "main/data_root.h"
#include "main/registry_commands.h"
#include "manage/control.h"
#include "registry/backup.h"

namespace skiff {

namespace {

namespace backup = registry::backup;

// Of a terminal one line that changes.
void show_progress(uint64_t blobs, uint64_t of) {
  fputs(cat("\r", blobs, " of ", of, " blobs ").c_str(), stderr);
}

backup::Options options_of(const Invocation& call) {
  backup::Options options;
  if (call.copy) options.placing = registry::Placing::kCopy;
  if (::isatty(STDERR_FILENO) != 0) options.progress = show_progress;
  return options;
}

void print_end(const std::string& text, const backup::Options& options) {
  if (options.progress) fputs("\r", stderr);
  puts(text.c_str());
}

// What the directory alone does not bring back.
std::string text_of_elsewhere(const backup::Summary& summary) {
  return summary.elsewhere == 0
             ? ""
             : cat("; ", summary.elsewhere, " blobs are in the S3 store, which is saved by itself");
}

Result<> refuse_damaged(const backup::Summary& summary) {
  for (const std::string& digest : summary.damaged) {
    puts(cat("blob ", digest, " is not whole in the registry, and not in the backup").c_str());
  }
  if (summary.damaged.empty()) return {};
  return Error(Code::kFailedPrecondition,
               cat(summary.damaged.size(), " blobs are missing: see skiff registry check"));
}

// The S3 store of the configuration, and what is on its way there.
struct Store {
  TempDir spool;
  std::unique_ptr<registry::Blobs> blobs;
};

Result<Store> open_store(const registry::S3Options& s3) {
  TempDir spool = TRY(TempDir::make("/tmp", "skiff-registry-"));
  auto blobs = TRY(registry::open_s3_blobs(s3, spool.path()));
  return Store{std::move(spool), std::move(blobs)};
}

Result<> back_up(const Invocation& call) {
  const Path root = TRY(data_root(call.root));
  const Path to = std::filesystem::absolute(call.operands[0]).lexically_normal();
  backup::Options options = options_of(call);
  const auto keep = parse_uint(call.keep);
  if (!keep || *keep == 0) {
    return Error(Code::kInvalidArgument,
                 cat("invalid value for --keep: ", skiff::quoted(call.keep), ": 1 or more"));
  }
  options.keep = *keep;
  std::optional<Store> store;
  if (call.blobs) {
    const Elsewhere configured = TRY(served_elsewhere(call.config));
    if (!configured.s3) {
      return Error(Code::kInvalidArgument, "--blobs: the configuration names no S3 store");
    }
    store = TRY(open_store(*configured.s3));
    options.elsewhere = store->blobs.get();
  }
  const manage::Hold hold = TRY(manage::Hold::take(root));
  options.still_held = [&hold] { return hold.check(); };
  const backup::Summary made = TRY(backup::make(root, to, options));
  print_end(
      cat((to / made.name).native(), ": ", made.blobs, " blobs (", made.bytes, " bytes), of them ",
          made.new_blobs, " new (", made.new_bytes, " bytes)", text_of_elsewhere(made)),
      options);
  return refuse_damaged(made);
}

Result<> restore(const Invocation& call) {
  const Path root = TRY(data_root(call.root));
  const Path from = std::filesystem::absolute(call.operands[0]).lexically_normal();
  backup::Options options = options_of(call);
  std::optional<Store> store;
  if (call.as_configured) {
    Elsewhere configured = TRY(served_elsewhere(call.config));
    options.database = std::move(configured.database);
    if (configured.s3) store = TRY(open_store(*configured.s3));
    if (store) options.elsewhere = store->blobs.get();
  }
  const backup::Summary done = TRY(backup::restore(from, root, options));
  print_end(cat(root.native(), " is what ", (from / done.name).native(), " was: ", done.blobs,
                " blobs (", done.bytes, " bytes), each read again", text_of_elsewhere(done)),
            options);
  return refuse_damaged(done);
}

constexpr Verb kBackupVerbs[] = {
    {"backup", "DIR",
     "Make a backup in a directory, also while the registry serves; the next one there moves only "
     "what is new",
     "copy keep blobs config", 1, 1, back_up},
    {"restore", "DIR", "Make an empty root what the last backup in a directory says",
     "copy as-configured config", 1, 1, restore, true},
};

}  // namespace

std::span<const Verb> backup_verbs() { return kBackupVerbs; }

}  // namespace skiff
