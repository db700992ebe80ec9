// What the two ends of gRPC share; for rpc_server.cpp and rpc_channel.cpp alone.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace skiff::buildkit {

// gRPC's codes are ours, one further.
inline grpc::StatusCode to_grpc(Code code) {
  return static_cast<grpc::StatusCode>(static_cast<int>(code) + 1);
}
inline Code from_grpc(grpc::StatusCode code) {
  return code == grpc::StatusCode::OK ? Code::kUnknown
                                      : static_cast<Code>(static_cast<int>(code) - 1);
}

inline grpc::ByteBuffer to_buffer(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return {&slice, 1};
}

inline std::string to_bytes(const grpc::ByteBuffer& buffer) {
  grpc::Slice whole;
  if (buffer.TrySingleSlice(&whole).ok()) {
    return {reinterpret_cast<const char*>(whole.begin()), whole.size()};
  }
  std::vector<grpc::Slice> slices;
  std::string out;
  if (!buffer.Dump(&slices).ok()) return out;
  out.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return out;
}

// Waits for the end of one operation, which another thread tells.
class Operation {
 public:
  void begin() {
    const std::scoped_lock lock(mutex_);
    over_ = false;
  }
  void end(bool ok) {
    const std::scoped_lock lock(mutex_);
    over_ = true;
    ok_ = ok;
    changed_.notify_all();
  }
  bool wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return over_; });
    return ok_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  bool ok_ = false;
};

}  // namespace skiff::buildkit
