#include "runtime/criu_rpc.h"

#include <sys/socket.h>

#include <cerrno>

#include "sys/unix_socket.h"

namespace skiff::runtime {

namespace {

constexpr uint64_t kNoticeType = 6;

// criu_req
constexpr uint32_t kRequestType = 1;
constexpr uint32_t kRequestOptions = 2;
constexpr uint32_t kRequestNoticeDone = 3;

// criu_resp and what is in it
constexpr uint32_t kReplyType = 1;
constexpr uint32_t kReplySuccess = 2;
constexpr uint32_t kReplyRestore = 4;
constexpr uint32_t kReplyNotice = 5;
constexpr uint32_t kReplyMessage = 9;
constexpr uint32_t kRestorePid = 1;
constexpr uint32_t kNoticeName = 1;
constexpr uint32_t kNoticePid = 2;

struct Reply {
  uint64_t type = 0;
  CriuOutcome outcome;
  CriuNotice notice;
};

Error damaged() { return {Code::kDataLoss, "what CRIU answers is no reply"}; }

Result<> read_fields(std::string_view bytes, const std::function<void(const ProtoField&)>& take) {
  ProtoReader reader(bytes);
  while (std::optional<ProtoField> field = reader.next()) take(*field);
  return reader.damaged() ? Result<>(damaged()) : Result<>{};
}

Result<Reply> receive(int socket) {
  sys::FdMessage heard = TRY(sys::receive_message(socket));
  if (heard.text.empty()) return Error(Code::kUnavailable, "CRIU has gone without a word");
  Reply reply;
  reply.notice.fd = std::move(heard.fd);
  std::string_view restored;
  std::string_view notice;
  TRY(read_fields(heard.text, [&](const ProtoField& field) {
    if (field.number == kReplyType) reply.type = field.value;
    if (field.number == kReplySuccess) reply.outcome.success = field.value != 0;
    if (field.number == kReplyRestore) restored = field.bytes;
    if (field.number == kReplyNotice) notice = field.bytes;
    if (field.number == kReplyMessage) reply.outcome.message = field.bytes;
  }));
  TRY(read_fields(restored, [&](const ProtoField& field) {
    if (field.number == kRestorePid) reply.outcome.pid = static_cast<int>(field.value);
  }));
  TRY(read_fields(notice, [&](const ProtoField& field) {
    if (field.number == kNoticeName) reply.notice.name = field.bytes;
    if (field.number == kNoticePid) reply.notice.pid = static_cast<int>(field.value);
  }));
  return reply;
}

Result<> send(int socket, const ProtoWriter& message) {
  const std::string& bytes = message.bytes();
  while (::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return Error::from_errno(errno, "send a request to CRIU");
  }
  return {};
}

uint32_t number(CriuOption option) { return static_cast<uint32_t>(option); }

}  // namespace

CriuOptions& CriuOptions::set(CriuOption option, uint64_t value) {
  message_.number(number(option), value);
  return *this;
}

CriuOptions& CriuOptions::set(CriuOption option, std::string_view text) {
  message_.text(number(option), text);
  return *this;
}

CriuOptions& CriuOptions::set(CriuOption option, const ProtoWriter& message) {
  message_.message(number(option), message);
  return *this;
}

CriuOptions& CriuOptions::add(const CriuOptions& others) {
  message_.add(others.message_);
  return *this;
}

Result<CriuOutcome> ask_criu(int socket, CriuAction action, const CriuOptions& options,
                             const std::function<Result<>(const CriuNotice&)>& heed) {
  ProtoWriter request;
  request.number(kRequestType, static_cast<uint64_t>(action));
  request.message(kRequestOptions, options.message());
  TRY(send(socket, request));
  Result<> heeded;
  for (;;) {
    Result<Reply> reply = receive(socket);
    if (!heeded && (!reply || reply->type != kNoticeType)) return heeded.error();
    if (!reply) return reply.error();
    if (reply->type != kNoticeType) return std::move(reply->outcome);
    if (heeded) heeded = heed(reply->notice);
    ProtoWriter answer;
    answer.number(kRequestType, kNoticeType);
    answer.number(kRequestNoticeDone, heeded ? 1 : 0);
    TRY(send(socket, answer));
  }
}

}  // namespace skiff::runtime
