// How CRIU is spoken to: `criu swrk FD`, requests and replies as protocol buffers over a socket
// (criu(8), and its images/rpc.proto). Its command line can do less: the master of a restored
// terminal comes over this socket alone.
//
//   auto [ours, its] = TRY(sys::socket_pair(SOCK_SEQPACKET));
//   ...                                            // start criu with `its`
//   CriuOutcome done = TRY(ask_criu(ours.get(), CriuAction::kDump, options, heed));
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "runtime/protobuf.h"

namespace skiff::runtime {

enum class CriuAction : uint32_t { kDump = 1, kRestore = 2, kPreDump = 4 };

// The options that we use, of those a request may have (criu_opts).
enum class CriuOption : uint32_t {
  kImagesFd = 1,
  kPid = 2,
  kLeaveRunning = 3,
  kExternalUnixSockets = 4,
  kTcpEstablished = 5,
  kShellJob = 7,
  kFileLocks = 8,
  kLogLevel = 9,
  kLogFile = 10,
  kPageServer = 11,  // a message: address 1, port 2
  kNotify = 12,
  kRoot = 13,
  kParentImages = 14,
  kTrackMemory = 15,
  kAutoDedup = 16,
  kWorkFd = 17,
  kLinkRemap = 18,
  kCgroupRoot = 25,  // a message: controller 1, path 2
  kRestoreSibling = 26,
  kInheritFd = 27,  // a message: key 1, descriptor 2
  kCgroupMode = 34,
  kExternal = 37,
  kEmptyNamespaces = 38,
  kFreezeCgroup = 44,
  kTcpSkipInFlight = 46,
  kLazyPages = 48,
  kStatusFd = 49,
  kOrphanTerminals = 50,
  kConfigFile = 51,
  kSecurityProfile = 53,
  kMountContext = 63,
};

class CriuOptions {
 public:
  CriuOptions& set(CriuOption option, uint64_t value = 1);
  CriuOptions& set(CriuOption option, std::string_view text);
  CriuOptions& set(CriuOption option, const ProtoWriter& message);
  CriuOptions& add(const CriuOptions& others);
  const ProtoWriter& message() const { return message_; }

 private:
  ProtoWriter message_;
};

// What CRIU tells meanwhile, and waits to be answered.
struct CriuNotice {
  std::string name;  // "setup-namespaces", "orphan-pts-master", ...
  int pid = 0;       // of the first process, where it is there
  UniqueFd fd;       // where one comes along
};

struct CriuOutcome {
  bool success = false;
  int pid = 0;          // of the restored process
  std::string message;  // CRIU's, for a failure; mostly ""
};

// Sends the request and stays until it is done; `heed` hears the notices, and with an error ends
// the action. kUnavailable: CRIU has gone without a word.
Result<CriuOutcome> ask_criu(int socket, CriuAction action, const CriuOptions& options,
                             const std::function<Result<>(const CriuNotice&)>& heed);

}  // namespace skiff::runtime
