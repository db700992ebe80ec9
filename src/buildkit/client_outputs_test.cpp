#include "buildkit/client_outputs.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/strings.h"
#include "buildkit/rpc_server.h"
#include "control.pb.h"
#include "session.pb.h"
#include "sys/unix_socket.h"

namespace skiff::buildkit {
namespace {

class ClientOutputsTest : public ::testing::Test {
 protected:
  Result<ClientOutputs> make(const std::vector<ServiceSpec>& exporters, bool takes_files = true) {
    SessionFacts facts{.id = "s"};
    if (takes_files) facts.methods.insert("/moby.filesync.v1.FileSend/DiffCopy");
    return ClientOutputs::make(exporters, std::make_shared<Session>(facts, nullptr), progress_, {});
  }
  Code code_of(const std::vector<ServiceSpec>& exporters, bool takes_files = true) {
    const auto made = make(exporters, takes_files);
    return made ? Code::kUnknown : made.error().code();
  }

  ProgressFeed feed_;
  ProgressWriter progress_{feed_, "b", Clock::system()};
};

TEST_F(ClientOutputsTest, EachHasWhoTakesIt) {
  const auto made = make({{"moby", {{"name", "demo"}}}, {"local", {}}, {"oci", {}}});
  ASSERT_TRUE(made) << made.error().message();
  const auto& outputs = made->outputs();
  ASSERT_EQ(outputs.size(), 3U);
  EXPECT_EQ(outputs[0].type, builder::OutputType::kImage);
  EXPECT_EQ(outputs[0].file, nullptr);
  EXPECT_NE(outputs[1].trees, nullptr);
  EXPECT_EQ(outputs[1].file, nullptr);
  EXPECT_NE(outputs[2].file, nullptr);
  EXPECT_TRUE(made->keeps_image());
  ASSERT_EQ(made->names().size(), 1U);
  EXPECT_EQ(made->names()[0].str(), "docker.io/library/demo:latest");
}

TEST_F(ClientOutputsTest, WhatIsPushedByDigestGetsNoTag) {
  const auto made =
      make({{"image", {{"name", "r.example/a, r.example/b"}, {"push-by-digest", "true"}}}});
  ASSERT_TRUE(made) << made.error().message();
  ASSERT_EQ(made->names().size(), 2U);
  EXPECT_EQ(made->names()[1].str(), "r.example/b");
}

TEST_F(ClientOutputsTest, ADirectoryTakesBlobs) {
  const auto made = make({{"oci", {{"tar", "false"}}}, {"docker", {{"tar", "true"}}}});
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_NE(made->outputs()[0].blobs, nullptr);
  EXPECT_EQ(made->outputs()[0].file, nullptr);
  EXPECT_EQ(made->outputs()[1].blobs, nullptr);
  EXPECT_NE(made->outputs()[1].file, nullptr);
}

TEST_F(ClientOutputsTest, TwoLayoutsDoNotShareADirectory) {
  const auto made = make({{"oci", {{"tar", "false"}}}, {"docker", {{"tar", "0"}}}});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message(),
            "exporter docker: tar=false: only one output of a build can be a layout in a directory "
            "of the client's");
}

// A client's store of blobs: it has one, takes another, and refuses a third.
TEST_F(ClientOutputsTest, OfBlobsThoseThatAreSentAreCounted) {
  const auto digest = [](const char* text) { return oci::Digest::of(text); };
  const std::string known = digest("known").str();
  const std::string refused = digest("refused").str();
  const auto rpc = *RpcServer::start([&](RpcCall& call) -> std::optional<RpcFailure> {
    if (call.method().ends_with("/Info")) {
      wire::BlobInfoRequest request;
      EXPECT_TRUE(request.ParseFromString(call.read()->value()));
      wire::BlobInfoResponse reply;
      reply.mutable_info()->set_size(5);
      if (request.digest() == known && call.write(reply.SerializeAsString())) return std::nullopt;
      return RpcFailure{Error(Code::kNotFound, "no such blob"), ""};
    }
    while (const auto message = *call.read()) {
      wire::WriteBlobRequest request;
      EXPECT_TRUE(request.ParseFromString(*message));
      if (request.expected() == refused) return RpcFailure{Error(Code::kUnavailable, "full"), ""};
      EXPECT_TRUE(call.write(""));  // a response whose fields nobody reads
    }
    return std::nullopt;
  });
  auto [own, other] = *sys::socket_pair(SOCK_STREAM);
  rpc->serve(std::move(other));
  auto session = std::make_shared<Session>(
      SessionFacts{.id = "s", .methods = {"/containerd.services.content.v1.Content/Read"}},
      RpcChannel::over(std::move(own)));
  auto made = ClientOutputs::make({{"oci", {{"tar", "false"}}}}, session, progress_, {});
  ASSERT_TRUE(made) << made.error().message();
  const auto receive = [&](const char* text) {
    StringSource bytes(text);
    return made->outputs()[0].blobs->receive(digest(text), std::string_view(text).size(), bytes);
  };
  EXPECT_TRUE(receive("known"));
  EXPECT_TRUE(receive("taken"));
  const auto failed = receive("refused");
  ASSERT_FALSE(failed);
  wire::StatusResponse told;
  for (const std::string& message : progress_.told()) EXPECT_TRUE(told.MergeFromString(message));
  EXPECT_EQ(told.statuses(told.statuses_size() - 1).current(), 5);
  const auto& last = told.vertexes(told.vertexes_size() - 1);
  EXPECT_EQ(last.error(), failed.error().message());
  EXPECT_NE(last.error().find("full"), std::string::npos);
}

TEST_F(ClientOutputsTest, NoneIsTheCacheAlone) {
  const auto made = make({});
  ASSERT_TRUE(made);
  ASSERT_EQ(made->outputs().size(), 1U);
  EXPECT_EQ(made->outputs()[0].type, builder::OutputType::kNone);
  EXPECT_FALSE(made->has_image());
}

TEST_F(ClientOutputsTest, WhatCannotBeServedIsRefused) {
  EXPECT_EQ(code_of({{"dance", {}}}), Code::kUnimplemented);
  EXPECT_EQ(code_of({{"tar", {}}}, false), Code::kFailedPrecondition);
  EXPECT_EQ(code_of({{"image", {{"name", "Not/A Name"}}}}), Code::kInvalidArgument);
}

}  // namespace
}  // namespace skiff::buildkit
