#include "buildkit/content_service.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/strings.h"
#include "buildkit/rpc_channel.h"
#include "session.pb.h"
#include "sys/unix_socket.h"

namespace skiff::buildkit {
namespace {

class ContentServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto build = builds_.get_new("a");
    build->begin({});
    history_->begin(build, "dockerfile.v0", {}, {});
    build->set_outcome({.provenance = {{"linux/amd64", kAttached}}});
    build->end(std::nullopt);
    ASSERT_TRUE(history_->end(*build));
    server_ = *RpcServer::start([this](RpcCall& call) -> std::optional<RpcFailure> {
      Result<> done = call.method() == "/Info" ? service_.info(call) : service_.read(call);
      if (!done) return RpcFailure{std::move(done.error()), ""};
      return std::nullopt;
    });
    auto pair = *sys::socket_pair(SOCK_STREAM);
    server_->serve(std::move(pair.first));
    channel_ = RpcChannel::over(std::move(pair.second));
  }

  int64_t size(const std::string& digest) {
    wire::BlobInfoRequest request;
    request.set_digest(digest);
    const auto bytes = channel_->ask("/Info", request.SerializeAsString(), {});
    wire::BlobInfoResponse reply;
    return bytes && reply.ParseFromString(*bytes) ? reply.info().size() : -1;
  }
  Result<std::string> read(const std::string& digest, int64_t offset = 0, int64_t wanted = 0) {
    wire::ReadBlobRequest request;
    request.set_digest(digest);
    request.set_offset(offset);
    request.set_size(wanted);
    const auto call = channel_->call("/Read", {}, {});
    TRY(write_message(*call, request));
    TRY(call->finish_writing());
    std::string out;
    for (;;) {
      const auto message = TRY(call->read());
      if (!message) break;
      wire::ReadBlobResponse piece;
      EXPECT_TRUE(piece.ParseFromString(*message));
      EXPECT_EQ(piece.offset(), offset + static_cast<int64_t>(out.size()));
      out += piece.data();
    }
    TRY(call->finish());
    return out;
  }

  static constexpr const char* kAttached = R"({"how":"so"})";
  TempDir dir_ = *TempDir::make("/tmp", "skiff-content-service-");
  std::unique_ptr<content::ContentStore> store_ =
      *content::open_content_store(dir_.path() / "content");
  std::unique_ptr<History> history_ = *History::open(dir_.path() / "history", Clock::system());
  Builds builds_{Clock::system()};
  ContentService service_{*history_, *store_};
  std::unique_ptr<RpcServer> server_;
  std::unique_ptr<RpcChannel> channel_;
};

TEST_F(ContentServiceTest, GivesWhatIsAttachedToBuilds) {
  const std::string digest = oci::Digest::of(kAttached).str();
  EXPECT_EQ(size(digest), 12);
  EXPECT_EQ(*read(digest), kAttached);
  EXPECT_EQ(*read(digest, 2, 3), "how");
  EXPECT_EQ(*read(digest, 12, 1), "");
}

TEST_F(ContentServiceTest, GivesBlobsOfTheStoreInPieces) {
  const std::string bytes(3'000'000, 'x');
  const std::string digest = content::write_blob(*store_, bytes)->str();
  EXPECT_EQ(size(digest), 3'000'000);
  EXPECT_EQ(*read(digest), bytes);
  EXPECT_EQ(read(digest, 2'999'990, 1000)->size(), 10U);
}

TEST_F(ContentServiceTest, RefusesWhatIsNotThere) {
  const std::string digest = oci::Digest::of("other").str();
  EXPECT_EQ(size(digest), -1);
  EXPECT_EQ(read(digest).error().code(), Code::kNotFound);
  EXPECT_EQ(read("nonsense").error().code(), Code::kInvalidArgument);
  EXPECT_EQ(read(oci::Digest::of(kAttached).str(), 13).error().code(), Code::kOutOfRange);
}

}  // namespace
}  // namespace skiff::buildkit
