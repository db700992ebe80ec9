#include "snapshot/snapshot_check.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "snapshot/layer_content.h"
#include "snapshot/layer_directory.h"
#include "snapshot/layer_forms.h"
#include "snapshot/lower_dir.h"

namespace skiff::snapshot {

namespace {

class Check {
 public:
  explicit Check(const SnapshotCheck& what) : what_(what) {}

  Result<> run() {
    for (const std::string& fault : TRY(what_.table.faults())) {
      what_.report({.what = fault,
                    .where = what_.database.native(),
                    .remedy = "restore it from a backup: containers' files hang on it"});
    }
    // Before the rows: a directory is made together with its row.
    const UniqueFd fd = TRY(open_file(what_.directory, O_RDONLY | O_DIRECTORY));
    const std::vector<std::string> directories = TRY(list_directory(fd.get()));
    rows_ = TRY(what_.table.all());
    for (const std::string& name : directories) TRY(check_directory(name));
    for (const SnapshotRow& row : rows_) TRY(check_row(row));
    return {};
  }

 private:
  Path directory_of(int64_t id) const { return what_.directory / std::to_string(id); }

  Result<> check_directory(const std::string& name) {
    const auto id = parse_int(name);
    const bool has_row =
        id && std::ranges::any_of(rows_, [&](const auto& row) { return row.id == *id; });
    const Path path = what_.directory / name;
    if (has_row || (id && what_.is_going(*id)) || !is_present(path)) return {};
    Problem problem{.what = cat("snapshot directory ", name, " has no record"),
                    .where = path.native(),
                    .remedy = kRepairRemedy};
    if (what_.options.repair) {
      TRY(remove_tree(path));
      problem.remedy = "removed";
      problem.mended = true;
    }
    what_.report(problem);
    return {};
  }

  struct Found {
    std::string fault;
    bool is_of_index = false;
    bool is_of_forms = false;
  };

  Result<> check_row(const SnapshotRow& listed) {
    TRY(what_.cancel.check());
    // An active one has no directory before it is first used.
    if (listed.info.kind != Kind::kCommitted) return {};
    // Again for as long as others change it under the reading.
    while (true) {
      Result<SnapshotRow> row = what_.table.get(listed.info.name);
      if (!row && row.error().code() != Code::kNotFound) return row.error();
      if (!row || row->id != listed.id) return {};  // removed meanwhile
      std::string stamp = files_stamp(directory_of(row->id));
      const Found found = TRY(look_at(*row));
      std::optional<Problem> problem;
      {
        const std::scoped_lock lock(what_.changing);
        if (!TRY(keep(*row, found.fault, std::move(stamp)))) continue;
        problem = TRY(settle(*row, found));
      }
      if (problem) what_.report(*problem);
      return {};
    }
  }

  Result<Found> look_at(const SnapshotRow& row) {
    if (std::string fault = TRY(fault_of(row)); !fault.empty()) return Found{std::move(fault)};
    if (std::string fault = TRY(index_fault_of(row)); !fault.empty()) {
      return Found{.fault = std::move(fault), .is_of_index = true};
    }
    if (!is_deep(row)) return Found{};
    if (std::string fault = TRY(tree_fault(directory_of(row.id), how_)); !fault.empty()) {
      return Found{std::move(fault)};
    }
    std::string fault = TRY(forms_fault(directory_of(row.id), how_));
    const bool is_faulty = !fault.empty();
    return Found{.fault = std::move(fault), .is_of_forms = is_faulty};
  }

  Result<std::optional<Problem>> settle(const SnapshotRow& row, const Found& found) {
    if (found.fault.empty()) return std::optional<Problem>();
    Problem problem{.what = cat("layer ", row.info.name, " is damaged: ", found.fault),
                    .where = directory_of(row.id).native(),
                    .remedy = remedy_for(row, found)};
    if (what_.options.repair && !found.is_of_forms) TRY(mend(row, found.is_of_index, problem));
    if (what_.options.repair && found.is_of_forms) TRY(drop_forms(row, problem));
    return std::optional(std::move(problem));
  }

  // What was made here comes back by itself.
  std::string remedy_for(const SnapshotRow& row, const Found& found) const {
    const bool is_made_here = found.is_of_index || found.is_of_forms || !has_blob(row);
    return is_made_here ? kRepairRemedy
                        : cat(how_back(what_.options, row.info.name), ", or ", kRepairRemedy);
  }
  // A layer of an image is named by its chainID.
  static bool has_blob(const SnapshotRow& row) {
    return oci::Digest::parse(row.info.name).has_value();
  }

  // In the row, what its files were found to be; false where they are others by now.
  Result<bool> keep(const SnapshotRow& row, const std::string& fault, std::string stamp) {
    Verdict found{.damage = row.info.damage, .stamp = row.stamp, .verified = row.verified};
    if (is_deep(row)) {
      found.damage = fault;
      if (fault.empty()) found.stamp = std::move(stamp);
    }
    const bool is_news = found.damage != row.info.damage || found.stamp != row.stamp;
    return is_news || !fault.empty() ? what_.table.set_verified(row, found) : true;
  }

  Result<std::string> fault_of(const SnapshotRow& row) {
    const Path directory = directory_of(row.id);
    const Path tar = directory / kTarName;
    const bool has_tar = is_present(tar);
    if (!is_present(directory)) return "its directory is gone";
    if (!has_tar && is_indexed(directory)) return "its tar is gone";
    if (!has_tar && !is_present(directory / kTreeName)) return "its files are gone";
    return has_tar && is_deep(row) ? tar_fault(directory, row, how_) : "";
  }

  // Of a layer that is whole otherwise.
  Result<std::string> index_fault_of(const SnapshotRow& row) {
    const Path directory = directory_of(row.id);
    if (!is_present(directory / kTarName)) return "";
    if (!is_indexed(directory)) return "its index is gone";
    return is_deep(row) ? index_fault(directory, row, how_) : "";
  }

  // Also what was found damaged before, or touched since, is read.
  bool is_deep(const SnapshotRow& row) const {
    return what_.options.deep || !row.info.damage.empty() || is_touched(row, directory_of(row.id));
  }

  Result<> mend(const SnapshotRow& row, bool is_of_index, Problem& problem) {
    const bool has_tar = is_of_index && TRY(tar_fault(directory_of(row.id), row, how_)).empty();
    if (!has_tar) return drop(row, problem);
    Result<> remade = what_.remake_index(row);
    if (!remade && remade.error().code() == Code::kDataLoss) {
      problem.remedy = remade.error().message();
      return {};
    }
    TRY(remade);
    problem.remedy = "its index was made again from its tar";
    problem.mended = true;
    return {};
  }

  Result<> drop_forms(const SnapshotRow& row, Problem& problem) {
    TRY(what_.drop_forms(row));
    problem.remedy = "dropped: it is made anew when it is needed";
    problem.mended = true;
    return {};
  }

  // With what stands on it, topmost first.
  Result<> drop(const SnapshotRow& lost, Problem& problem) {
    std::set<std::string> above = {lost.info.name};
    std::vector<const SnapshotRow*> doomed = {};
    for (const SnapshotRow& row : rows_) {  // parents come first
      const bool is_above = row.id == lost.id || above.contains(row.info.parent);
      if (!is_above) continue;
      above.insert(row.info.name);
      doomed.push_back(&row);
      if (row.info.kind == Kind::kCommitted) continue;
      problem.remedy =
          has_blob(lost)
              ? cat(how_back(what_.options, lost.info.name), ": a container stands on it")
              : cat("remove the containers that stand on it, then ", kRepairRemedy);
      return {};
    }
    for (auto row = doomed.rbegin(); row != doomed.rend(); ++row) {
      const Result<> removed = what_.remove((*row)->info.name);
      if (removed || removed.error().code() == Code::kNotFound) continue;
      problem.remedy = removed.error().message();
      return {};
    }
    problem.remedy = "dropped: it comes back from its blob when it is needed";
    problem.mended = true;
    return {};
  }

  const SnapshotCheck& what_;
  const ReadOptions how_{.cancel = what_.cancel};
  std::vector<SnapshotRow> rows_;
};

}  // namespace

Result<> check_snapshots(const SnapshotCheck& check) { return Check(check).run(); }

}  // namespace skiff::snapshot
