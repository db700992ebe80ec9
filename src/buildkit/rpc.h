// The words of gRPC that the rest of this folder uses, without gRPC's headers: a call is a stream
// of messages both ways, whatever its .proto calls it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace skiff::buildkit {

using Metadata = std::multimap<std::string, std::string, std::less<>>;

// One thread may read while another writes.
class RpcStream {
 public:
  virtual ~RpcStream() = default;
  // nullopt: the peer has sent its last, or is gone.
  virtual Result<std::optional<std::string>> read() = 0;
  virtual Result<> write(std::string_view message) = 0;
};

// Why a call failed. `details`: a serialized google.rpc.Status for clients that look into it; "".
struct RpcFailure {
  Error error;
  std::string details;
};

// The only message of a call that has one.
template <typename Message>
Result<Message> read_message(RpcStream& stream) {
  std::optional<std::string> bytes = TRY(stream.read());
  Message message;
  if (!bytes || !message.ParseFromString(*bytes)) {
    return Error(Code::kInvalidArgument, "the request cannot be read");
  }
  return message;
}

template <typename Message>
Result<> write_message(RpcStream& stream, const Message& message) {
  return stream.write(message.SerializeAsString());
}

}  // namespace skiff::buildkit
