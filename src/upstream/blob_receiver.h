// BlobReceiver: a blob of another registry on its way into ours, and into a spool for who reads it
// meanwhile.
//
//   BlobReceiver receiver(uploads, "a/b", digest, nullptr);
//   TRY(receiver.begin());
//   TRY(client.receive_blob(reference, digest, receiver, cancel));
//   TRY(receiver.finish());      // found right, durable, in the repository; else nothing stays
#pragma once

#include "registry/upload_sessions.h"
#include "remote/registry_client.h"
#include "upstream/spool.h"

namespace skiff::upstream {

// Of one thread.
class BlobReceiver : public remote::BlobReceiver {
 public:
  // All must outlive it; `spool` may be nullptr.
  BlobReceiver(registry::UploadSessions& uploads, std::string repository, oci::Digest digest,
               Spool* spool)
      : uploads_(uploads),
        repository_(std::move(repository)),
        digest_(std::move(digest)),
        spool_(spool) {}
  BlobReceiver(const BlobReceiver&) = delete;
  BlobReceiver& operator=(const BlobReceiver&) = delete;
  ~BlobReceiver() override { drop(); }

  Result<> begin();
  Result<> finish();

  Result<> expect(uint64_t size) override;
  uint64_t offset() const override { return offset_; }
  Result<> write(std::string_view bytes) override;
  Result<> reset() override;

 private:
  void drop();

  registry::UploadSessions& uploads_;
  const std::string repository_;
  const oci::Digest digest_;
  Spool* spool_;
  std::optional<registry::UploadSessions::Upload> upload_;
  uint64_t offset_ = 0;
};

}  // namespace skiff::upstream
