#include "content/lease_table.h"

namespace skiff::content {

class LeaseTable::TableLease : public Lease {
 public:
  explicit TableLease(std::shared_ptr<LeaseTable> table) : table_(std::move(table)) {}
  TableLease(const TableLease&) = delete;
  TableLease& operator=(const TableLease&) = delete;

  ~TableLease() override {
    std::lock_guard lock(table_->mutex_);
    for (const oci::Digest& digest : held_) {
      auto count = table_->counts_.find(digest);
      if (--count->second == 0) table_->counts_.erase(count);
    }
  }

  Result<> hold(const oci::Digest& digest) override {
    std::lock_guard lock(table_->mutex_);
    if (held_.insert(digest).second) ++table_->counts_[digest];
    return {};
  }

 private:
  std::shared_ptr<LeaseTable> table_;
  std::set<oci::Digest> held_;
};

std::unique_ptr<Lease> LeaseTable::make_lease() {
  return std::make_unique<TableLease>(shared_from_this());
}

}  // namespace skiff::content
