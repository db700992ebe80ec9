// POST /build?version=2 of clients without a session of their own, and what both of its protocols
// share.
#include "api/session_build.h"

#include <sys/socket.h>

#include <algorithm>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "api/test_api.h"
#include "base/strings.h"
#include "buildkit/http_builds.h"
#include "buildkit/rpc_server.h"
#include "sys/process.h"
#include "sys/unix_socket.h"

namespace skiff::api {
namespace {

// A client's session that takes outputs which are one stream of bytes.
class OutputTaker {
 public:
  OutputTaker(buildkit::BuildkitServer& server, const std::string& id)
      : rpc_(*buildkit::RpcServer::start([this](buildkit::RpcCall& call) { return take(call); })) {
    auto [own, other] = *sys::socket_pair(SOCK_STREAM);
    rpc_->serve(std::move(own));
    EXPECT_TRUE(server.add_session({.id = id, .methods = {kSend}},
                                   {net::make_plain_stream(std::move(other)), ""}));
  }

  // By the output's number in the request.
  std::string taken(const std::string& number) {
    const std::scoped_lock lock(mutex_);
    return taken_[number];
  }

 private:
  static constexpr const char* kSend = "/moby.filesync.v1.FileSend/DiffCopy";

  // Of a BytesMessage, whose only field it is: after a tag and a size, in bytes of which the last
  // has no uppermost bit.
  static std::string_view data_of(std::string_view message) {
    size_t at = 1;
    while (at < message.size() && (static_cast<unsigned char>(message[at]) & 0x80U) != 0) ++at;
    return message.substr(std::min(at + 1, message.size()));
  }

  std::optional<buildkit::RpcFailure> take(buildkit::RpcCall& call) {
    EXPECT_EQ(call.method(), kSend);
    std::string bytes;
    while (const auto message = *call.read()) bytes += data_of(*message);
    const std::scoped_lock lock(mutex_);
    taken_[call.RpcCall::metadata("buildkit-attachable-exporter-id")] = std::move(bytes);
    return std::nullopt;
  }

  std::mutex mutex_;
  std::map<std::string, std::string> taken_;
  std::unique_ptr<buildkit::RpcServer> rpc_;  // last: its calls use the above
};

class SessionBuildTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    if (context_ == nullptr) return;
    buildkit_ = *buildkit::BuildkitServer::start(
        {.worker = {.id = "test", .platforms = [] { return std::vector{oci::Platform::host()}; }},
         .scratch = dir_.path() / "buildkit",
         .history = dir_.path() / "history.db"},
        *builder_, *images_);
    context_->buildkit = buildkit_.get();
  }
  void TearDown() override {
    stop_serving();
    buildkit_.reset();
    ApiTest::TearDown();
  }

  // A tar with this Dockerfile and a file `a`.
  std::string context(const std::string& dockerfile) {
    const Path files = dir_.path() / "files";
    std::filesystem::create_directories(files);
    EXPECT_TRUE(write_file(files / "Dockerfile", dockerfile));
    EXPECT_TRUE(write_file(files / "a", "A"));
    return sys::run_captured({.args = {"tar", "-C", files.native(), "-c", "."}})->out;
  }
  Reply build(const std::string& query, const std::string& tar = "") {
    return call("POST", cat("/build?", query), tar, {{"Content-Type", "application/x-tar"}});
  }
  // The last object of the stream.
  static json::Value last(const Reply& reply) {
    const auto lines = split(trim(reply.body), '\n');
    return *json::parse(lines.back());
  }
  std::string id_of(const std::string& name) { return images_->find(name)->id.str(); }

  // Of a tar, a line each.
  std::string names_in(const std::string& tar) {
    const Path file = dir_.path() / "output.tar";
    EXPECT_TRUE(write_file_durably(file, tar));
    return sys::run_captured({.args = {"tar", "-tf", file.native()}})->out;
  }

  std::unique_ptr<buildkit::BuildkitServer> buildkit_;
};

TEST_F(SessionBuildTest, TheProgressAndTheImageAreTold) {
  const Reply reply = build("version=2&t=made:1&t=also&labels=%7B%22k%22:%22v%22%7D",
                            context("FROM scratch\nARG V\nLABEL v=$V\nCOPY a /\n"));
  EXPECT_EQ(reply.status, 200) << reply.body;
  const auto first = *json::parse(reply.body.substr(0, reply.body.find('\n')));
  EXPECT_EQ(first.string("id"), "moby.buildkit.trace");
  EXPECT_FALSE(first.string("aux").empty());
  EXPECT_EQ(last(reply).string("id"), "moby.image.id");
  EXPECT_EQ(last(reply).find("aux")->string("ID"), id_of("made:1"));
  EXPECT_EQ(id_of("also"), id_of("made:1"));
  EXPECT_EQ(images_->find("made:1")->config.config.labels.at("k"), "v");
}

TEST_F(SessionBuildTest, SilenceIsTheIdAlone) {
  const Reply reply = build("version=2&q=1&t=made:1", context("FROM scratch\nCOPY a /\n"));
  EXPECT_EQ(last(reply).string("stream"), id_of("made:1") + "\n");
  EXPECT_EQ(reply.body.find("trace"), std::string::npos);
}

TEST_F(SessionBuildTest, AnErrorShowsThePlace) {
  const Reply reply = build("version=2&t=made:1", context("FROM scratch\nCOPY none /\n"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_NE(last(reply).string("error").find(">>> COPY none /"), std::string::npos) << reply.body;
  EXPECT_FALSE(images_->find("made:1"));
}

TEST_F(SessionBuildTest, TheContextMayComeInARequestOfItsOwn) {
  const std::string tar = context("FROM scratch\nCOPY a /\n");
  std::jthread sender([&] {
    const Reply sent = build("version=2&buildid=upload-request:b", tar);
    EXPECT_EQ(sent.status, 200) << sent.body;
    EXPECT_EQ(sent.body, "");
  });
  const Reply reply = build("version=2&buildid=b&remote=upload-request&t=made:1");
  EXPECT_EQ(last(reply).string("id"), "moby.image.id") << reply.body;
}

TEST_F(SessionBuildTest, WhatNeedsAClientFailsWithoutOne) {
  const Reply files = build("version=2&remote=client-session");
  EXPECT_NE(last(files).string("error").find("the client's session has no files"),
            std::string::npos);
  const Reply secret =
      build("version=2", context("FROM scratch\nRUN --mount=type=secret,id=s,required /x\n"));
  EXPECT_NE(last(secret).string("error").find("secret"), std::string::npos) << secret.body;
  const Reply output =
      build("version=2&outputs=%5B%7B%22Type%22:%22local%22%7D%5D", context("FROM scratch\n"));
  EXPECT_EQ(output.status, 409);
  EXPECT_EQ(output.message(), "exporter local: the client's session takes no files");
}

// Docker's own client would take the layout for the files.
TEST_F(SessionBuildTest, OutputsThatAClientDoesNotTellApartAreRefused) {
  std::string query = "version=2&outputs=[{'Type':'local'},{'Type':'oci','Attrs':{'dest':'x'}}]";
  std::ranges::replace(query, '\'', '"');
  const Reply reply = build(query, context("FROM scratch\n"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.message(), "exporter oci: this client takes no such output");
}

TEST_F(SessionBuildTest, SeveralOutputsAreOfOneBuild) {
  OutputTaker client(*buildkit_, "s");
  std::string outputs =
      "[{'Type':'tar'},{'Type':'image'},{'Type':'oci'},{'Type':'docker','Attrs':{'name':'x'}}]";
  std::ranges::replace(outputs, '\'', '"');
  const Reply reply = build(cat("version=2&session=s&t=made:1&outputs=", outputs),
                            context("FROM scratch\nCOPY a /\n"));
  EXPECT_EQ(last(reply).string("id"), "moby.image.id") << reply.body;
  const std::string id = id_of("made:1");
  EXPECT_EQ(last(reply).find("aux")->string("ID"), id);
  const std::string config = cat("blobs/sha256/", id.substr(id.find(':') + 1), "\n");
  EXPECT_EQ(names_in(client.taken("0")), "./\na\n");
  for (const char* layout : {"2", "3"}) {
    EXPECT_NE(names_in(client.taken(layout)).find(config), std::string::npos) << layout;
  }
  EXPECT_EQ(names_in(client.taken("2")).find("manifest.json"), std::string::npos);
  EXPECT_NE(names_in(client.taken("3")).find("manifest.json"), std::string::npos);
  EXPECT_EQ(client.taken("1"), "");
}

// Docker's own client waits for that, and does not end the session itself.
TEST_F(SessionBuildTest, ASessionEndsWithItsBuildAlsoIfNothingWasAsked) {
  auto [own, other] = *sys::socket_pair(SOCK_STREAM);
  ASSERT_TRUE(buildkit_->add_session({.id = "s", .methods = {}},
                                     {net::make_plain_stream(std::move(other)), ""}));
  build("version=2&session=s&outputs=%5B%7B%22Type%22:%22oci%22%7D%5D", context("FROM scratch\n"));
  const timeval patience{.tv_sec = 60, .tv_usec = 0};
  ASSERT_EQ(::setsockopt(own.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
  char rest[256];
  ssize_t n = 0;
  while ((n = ::recv(own.get(), rest, sizeof rest, 0)) > 0) {
  }
  EXPECT_EQ(n, 0);
}

// Of several builds with the last one; and where it is another one by then, not with that.
TEST_F(SessionBuildTest, ASessionStaysWhereAnotherBuildHasIt) {
  class Gated : public Source {
   public:
    explicit Gated(std::string text) : text_(std::move(text)), source_(text_) {}
    Result<size_t> read(std::span<char> buffer) override {
      if (!std::exchange(is_reached_, true)) reached.set_value();
      opened_.wait();
      return source_.read(buffer);
    }
    std::promise<void> reached;
    std::promise<void> open;

   private:
    std::shared_future<void> opened_ = open.get_future().share();
    std::string text_;
    StringSource source_;
    bool is_reached_ = false;
  };
  const std::string tar = context("FROM scratch\nCOPY a /\n");
  const std::string to_client = "version=2&session=s&outputs=%5B%7B%22Type%22:%22tar%22%7D%5D";
  const auto builds_for_client = [&] {
    const Reply reply = build(to_client, tar);
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(last(reply).string("error"), "") << reply.body;
  };
  OutputTaker first(*buildkit_, "s");
  Gated gated(tar);
  std::jthread sender(
      [&] { EXPECT_TRUE(buildkit_->http_builds().contexts().send("long", gated)); });
  std::jthread builder([&] {
    const Reply reply = build("version=2&session=s&buildid=long&remote=upload-request");
    EXPECT_EQ(last(reply).string("id"), "moby.image.id") << reply.body;
  });
  gated.reached.get_future().wait();
  builds_for_client();
  builds_for_client();
  EXPECT_NE(first.taken("0"), "");
  OutputTaker second(*buildkit_, "s");
  gated.open.set_value();
  builder.join();
  builds_for_client();
  EXPECT_NE(second.taken("0"), "");
}

TEST_F(SessionBuildTest, BadParametersAreRefused) {
  for (const char* query : {"version=3", "version=2&buildargs=x", "cachefrom=x", "cachefrom=%7B%7D",
                            "version=2&cachefrom=%5B1%5D", "version=2&t=A%20B"}) {
    EXPECT_EQ(build(query).status, 400) << query;
  }
  EXPECT_EQ(build("version=2&squash=1").status, 501);
  EXPECT_EQ(post("/build/cancel").status, 400);
  EXPECT_EQ(post("/build/cancel?id=nobody").status, 200);
  context_->buildkit = nullptr;
  EXPECT_EQ(build("version=2").status, 501);
}

// Both protocols say the same, before they build.
TEST_F(SessionBuildTest, WhatIsOfAWrongShapeIsNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"extrahosts=a:1.2.3.4&extrahosts=zz", "bad format for add-host: \"zz\""},
      {"extrahosts=a:b:c:d", "invalid IP address in add-host: \"b:c:d\""},
      {"outputs={}", "parameter outputs: outputs is not an array of objects"},
      {"outputs=[1]", "parameter outputs: outputs is not an array of objects"},
      {"outputs=[{}]", "parameter outputs: outputs[0] has no Type"},
      {"outputs=[{'Type':'image','Attrs':[]}]",
       "parameter outputs: outputs[0].Attrs is not an object"},
      {"outputs=[{'Type':'image','Attrs':{'a':1}}]",
       "parameter outputs: outputs[0].Attrs.a is not a string"},
      {"labels=[]", "parameter labels: labels is not an object"},
      {"labels={'a':1}", "parameter labels: labels.a is not a string"},
      {"buildargs={'a':1}", "parameter buildargs: buildargs.a is not a string"},
      {"ulimits=[1]", "parameter ulimits: ulimits is not an array of objects"},
      {"ulimits=[{'Soft':1}]", "parameter ulimits: ulimits[0] has no Name"},
      {"ulimits=[{'Name':'nofile','Soft':'1'}]",
       "parameter ulimits: ulimits[0].Soft is not a whole number of 64 bits"},
      {"cachefrom={}", "parameter cachefrom: cachefrom is not an array of strings"},
      {"cachefrom=['a','']", "parameter cachefrom: cachefrom[1] has no name"},
      {"shmsize=abc", "invalid value for shmsize: \"abc\""},
      {"shmsize=-1", "SHM size can not be less than 0"},
      {"memory=512m", "invalid value for memory: \"512m\""},
      {"memswap=-1.5", "invalid value for memswap: \"-1.5\""},
      {"cpushares=x", "invalid value for cpushares: \"x\""},
      {"cpuperiod=1e6", "invalid value for cpuperiod: \"1e6\""},
      {"cpuquota=9223372036854775808", "invalid value for cpuquota: \"9223372036854775808\""},
      {"isolation=hyperv", "Unsupported isolation: \"hyperv\""},
      {"securityopt=['x=y']",
       "The daemon on this platform does not support setting security options on build"},
  };
  for (const auto& [parameter, message] : cases) {
    std::string query = parameter;
    std::ranges::replace(query, '\'', '"');
    for (const char* version : {"1", "2"}) {
      const Reply reply = build(cat("version=", version, "&", query));
      EXPECT_EQ(reply.status, 400) << parameter;
      EXPECT_EQ(reply.message(), message) << parameter;
    }
  }
}

// BuildKit has no such limits: there they are not judged either.
TEST_F(SessionBuildTest, LimitsOfTheClassicBuildMakeSense) {
  const std::pair<const char*, const char*> cases[] = {
      {"memory=1000", "Minimum memory limit allowed is 6MB"},
      {"memory=-1", "Minimum memory limit allowed is 6MB"},
      {"memswap=10000000",
       "You should always set the Memory limit when using Memoryswap limit, see usage"},
      {"memory=20000000&memswap=10000000",
       "Minimum memoryswap limit should be larger than memory limit, see usage"},
      {"cpushares=-1", "invalid CPU shares (-1): value must be a positive integer"},
      {"cpuquota=10", "CPU cfs quota can not be less than 1ms (i.e. 1000)"},
      {"cpusetcpus=x", "Invalid value x for cpuset cpus"},
  };
  for (const auto& [parameters, message] : cases) {
    const Reply reply = build(parameters, context("FROM scratch\nCOPY a /\n"));
    EXPECT_EQ(reply.status, 400) << parameters;
    EXPECT_EQ(reply.message(), message) << parameters;
  }
}

TEST_F(SessionBuildTest, WhatSaysNothingIsTaken) {
  const std::string tar = context("FROM scratch\nARG V=1\nLABEL v=$V\nCOPY a /\n");
  for (const char* version : {"1", "2"}) {
    const Reply reply =
        build(cat("version=", version, "&t=made:", version,
                  "&buildargs={%22V%22:null}&labels=null&outputs=[]&ulimits=null&cachefrom=[]"
                  "&isolation=default&securityopt=&extrahosts=a:[::1]&shmsize=0&memory=&memswap=-1"
                  "&cpushares=0&cpuperiod=0&cpuquota=0"),
              tar);
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_TRUE(images_->find(cat("made:", version))) << reply.body;
  }
}

// What Docker's classic builder takes from an image's history is here what an image tells, which
// one does that was built so itself.
TEST_F(SessionBuildTest, ImagesAreCachesOfTheClassicBuild) {
  const std::string tar = context("FROM scratch\nCOPY a /\n");
  const std::string query = "t=made:1&cachefrom=%5B%22made:1%22%5D";
  const Reply first = build(query, tar);
  EXPECT_NE(first.body.find("[Warning] import build cache from made:1: No such image: made:1"),
            std::string::npos)
      << first.body;
  EXPECT_EQ(first.body.find("Using cache"), std::string::npos);
  ASSERT_TRUE(builder_->prune({.all = true}));
  const Reply again = build(query, tar);
  EXPECT_NE(again.body.find("Using cache"), std::string::npos) << again.body;
  EXPECT_EQ(again.body.find("[Warning]"), std::string::npos);
  ASSERT_TRUE(builder_->prune({.all = true}));
  EXPECT_EQ(build("", tar).body.find("Using cache"), std::string::npos);
}

}  // namespace
}  // namespace skiff::api
