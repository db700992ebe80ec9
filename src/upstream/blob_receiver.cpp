#include "upstream/blob_receiver.h"

#include "base/log.h"
#include "base/strings.h"

namespace skiff::upstream {

Result<> BlobReceiver::begin() {
  const std::string id = TRY(uploads_.begin(repository_, digest_.algorithm()));
  upload_.emplace(TRY(uploads_.open(repository_, id)));
  return {};
}

Result<> BlobReceiver::finish() {
  TRY(uploads_.finish(*upload_, digest_));
  upload_.reset();
  return {};
}

Result<> BlobReceiver::expect(uint64_t size) {
  if (spool_ != nullptr) spool_->expect(size);
  return {};
}

Result<> BlobReceiver::write(std::string_view bytes) {
  TRY(upload_->write(bytes));
  if (spool_ != nullptr) TRY(spool_->write(bytes));
  offset_ += bytes.size();
  return {};
}

Result<> BlobReceiver::reset() {
  drop();
  TRY(begin());
  if (spool_ != nullptr) spool_->restart();
  offset_ = 0;
  return {};
}

void BlobReceiver::drop() {
  if (!upload_) return;
  const Result<> dropped = uploads_.cancel(*upload_);
  if (!dropped) log_warn(cat("upload of ", digest_.str(), ": ", dropped.error().message()));
  upload_.reset();
}

}  // namespace skiff::upstream
