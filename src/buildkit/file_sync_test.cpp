// What is asked of a client that has told of files, without their contents.
#include "buildkit/file_sync.h"

#include <gtest/gtest.h>

#include "session.pb.h"

namespace skiff::buildkit {
namespace {

constexpr const char* kDiffCopy = "/moby.filesync.v1.FileSync/DiffCopy";

// A client that tells these paths, whatever it is asked for.
struct Client {
  std::vector<std::string> paths;
  Metadata asked;
  std::vector<wire::Packet::Type> said;  // to it
};

class Call : public RpcClientCall {
 public:
  explicit Call(Client& client) : client_(client) {}
  Result<std::optional<std::string>> read() override {
    wire::Packet packet;
    if (next_ < client_.paths.size()) {
      packet.mutable_stat()->set_path(client_.paths[next_]);
    } else if (next_ == client_.paths.size() + 1) {
      packet.set_type(wire::Packet::FIN);
    } else if (next_ > client_.paths.size()) {
      return std::optional<std::string>();
    }
    ++next_;
    return std::optional(packet.SerializeAsString());
  }
  Result<> write(std::string_view message) override {
    wire::Packet packet;
    EXPECT_TRUE(packet.ParseFromString(std::string(message)));
    client_.said.push_back(packet.type());
    return {};
  }
  Result<> finish_writing() override { return {}; }
  Result<> finish() override { return {}; }
  void cancel() override {}

 private:
  Client& client_;
  size_t next_ = 0;
};

class Channel : public RpcChannel {
 public:
  explicit Channel(Client& client) : client_(client) {}
  std::unique_ptr<RpcClientCall> call(const std::string& method, const Metadata& metadata,
                                      const CancelToken&) override {
    EXPECT_EQ(method, kDiffCopy);
    client_.asked = metadata;
    return std::make_unique<Call>(client_);
  }
  bool alive() const override { return true; }

 private:
  Client& client_;
};

Result<std::vector<std::string>> names_in(Client& client, const std::string& path) {
  Session session({.id = "s", .methods = {kDiffCopy}}, std::make_unique<Channel>(client));
  return sync_names(session, {.directory = "context", .exclude = {"*.log", "!d/keep/it"}}, path,
                    {});
}

TEST(FileSyncTest, NamesAreThoseOfOneDirectory) {
  Client client{.paths = {"d", "d/a", "d/sub", "d/sub/b", "dd"}};
  const auto names = names_in(client, "d");
  ASSERT_TRUE(names) << names.error().message();
  EXPECT_EQ(*names, (std::vector<std::string>{"a", "sub"}));
  EXPECT_EQ(client.asked, (Metadata{{"dir-name", "context"},
                                    {"include-patterns", "d/*"},
                                    {"exclude-patterns", "*.log"},
                                    {"exclude-patterns", "!d/keep/it"},
                                    {"exclude-patterns", "d/*/*"}}));
  // No content is asked for.
  EXPECT_EQ(client.said, (std::vector<wire::Packet::Type>{wire::Packet::FIN}));
}

TEST(FileSyncTest, NamesOfTheUppermostDirectory) {
  Client client{.paths = {"a", "d", "d/b"}};
  EXPECT_EQ(*names_in(client, ""), (std::vector<std::string>{"a", "d"}));
  EXPECT_EQ(client.asked.find("include-patterns")->second, "*");
}

TEST(FileSyncTest, NamesAreNotAskedForWithoutEnd) {
  Client client{.paths = std::vector<std::string>(10'000, std::string(1000, 'x'))};
  EXPECT_EQ(names_in(client, "").error().code(), Code::kResourceExhausted);
  EXPECT_EQ(names_in(client, "a*").error().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace skiff::buildkit
