#include "buildkit/content_service.h"

#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/strings.h"
#include "session.pb.h"

namespace skiff::buildkit {

namespace {

// Of clients' messages, with room to spare.
constexpr uint64_t kServedPiece = uint64_t{1} << 20U;

}  // namespace

Result<> ContentService::info(RpcCall& call) {
  const auto request = TRY(read_message<wire::BlobInfoRequest>(call));
  wire::BlobInfoResponse reply;
  reply.mutable_info()->set_digest(request.digest());
  if (const auto attached = TRY(history_.attachment(request.digest()))) {
    reply.mutable_info()->set_size(static_cast<int64_t>(attached->size()));
  } else {
    const auto blob = TRY(store_.info(TRY(oci::Digest::parse(request.digest()))));
    reply.mutable_info()->set_size(static_cast<int64_t>(blob.size));
  }
  return write_message(call, reply);
}

// `size` of 0 is all from `offset` on.
Result<> ContentService::read(RpcCall& call) {
  const auto request = TRY(read_message<wire::ReadBlobRequest>(call));
  const auto attached = TRY(history_.attachment(request.digest()));
  std::unique_ptr<content::BlobReader> blob;
  if (!attached) blob = TRY(store_.open(TRY(oci::Digest::parse(request.digest()))));
  const uint64_t size = attached ? attached->size() : blob->size();
  if (request.offset() < 0 || request.size() < 0 ||
      static_cast<uint64_t>(request.offset()) > size) {
    return Error(Code::kOutOfRange, cat("read ", request.digest(), " at ", request.offset()));
  }
  uint64_t at = static_cast<uint64_t>(request.offset());
  const uint64_t wanted = request.size() == 0 ? size : static_cast<uint64_t>(request.size());
  const uint64_t end = at + std::min(wanted, size - at);
  std::string piece;
  while (at < end) {
    piece.resize(std::min(end - at, kServedPiece));
    if (attached) {
      piece = attached->substr(at, piece.size());
    } else {
      const ssize_t n = ::pread(blob->fd(), piece.data(), piece.size(), static_cast<off_t>(at));
      if (n <= 0) return Error::from_errno(n == 0 ? EIO : errno, cat("read ", request.digest()));
      piece.resize(static_cast<size_t>(n));
    }
    wire::ReadBlobResponse reply;
    reply.set_offset(static_cast<int64_t>(at));
    reply.set_data(piece);
    TRY(write_message(call, reply));
    at += piece.size();
  }
  return {};
}

}  // namespace skiff::buildkit
