// What observers are told of requests, and what each answer tells of its own.
#include "access/guesses.h"
#include "registry/call.h"
#include "registry/test_accounts.h"
#include "registry/test_observer.h"
#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

class ObserverTest : public RegistryTest {
 protected:
  ObserverTest() {
    options_.observers = {&observer_};
    options_.extensions.push_back({"/hello", "greeting", [](Call& call) -> Answer<> {
                                     if (call.request.method != "GET") {
                                       return Refusal(kUnsupported, "only GET");
                                     }
                                     return call.reply(200, "text/plain", "hello");
                                   }});
  }
  ~ObserverTest() override { stop(); }
  using Record = RememberingObserver::Record;

  RememberingObserver observer_;
};

TEST_F(ObserverTest, TellsOfAPushAndAPull) {
  const std::string digest = client().push_blob("acme/web", "a layer");
  const Record push = observer_.next();
  EXPECT_EQ(push.method, "POST");
  EXPECT_EQ(push.endpoint, "upload");
  EXPECT_EQ(push.repository, "acme/web");
  EXPECT_EQ(push.status, 201);
  EXPECT_EQ(push.received, 7U);
  EXPECT_EQ(push.sent, 0U);
  EXPECT_EQ(push.address, "127.0.0.1");
  EXPECT_GT(push.duration.count(), 0);

  EXPECT_EQ(client().get(blob_path("acme/web", digest), {{"User-Agent", "crane/1"}}).status, 200);
  const Record pull = observer_.next();
  EXPECT_EQ(pull.endpoint, "blob");
  EXPECT_EQ(pull.reference, digest);
  EXPECT_EQ(pull.user_agent, "crane/1");
  EXPECT_EQ(pull.sent, 7U);
  EXPECT_FALSE(pull.broken);

  EXPECT_EQ(client().head(blob_path("acme/web", digest)).status, 200);
  EXPECT_EQ(observer_.next().sent, 0U);
  EXPECT_EQ(observer_.under_way(), 0);
}

TEST_F(ObserverTest, TellsOfRefusals) {
  EXPECT_EQ(client().get("/v2/acme/web/manifests/1").status, 404);
  const Record unknown = observer_.next();
  EXPECT_EQ(unknown.endpoint, "manifest");
  EXPECT_EQ(unknown.error, "MANIFEST_UNKNOWN");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_GT(unknown.sent, 0U);

  EXPECT_EQ(client().get("/elsewhere?token=secret").status, 404);
  const Record other = observer_.next();
  EXPECT_EQ(other.endpoint, "other");
  EXPECT_EQ(other.path, "/elsewhere");
}

TEST_F(ObserverTest, TellsOfAnExtensionAndAllBelowIt) {
  EXPECT_EQ(client().get("/hello").body, "hello");
  EXPECT_EQ(observer_.next().endpoint, "greeting");
  EXPECT_EQ(client().get("/hello/world").status, 200);
  EXPECT_EQ(observer_.next().path, "/hello/world");
  EXPECT_EQ(client().get("/hellos").status, 404);
  EXPECT_EQ(observer_.next().endpoint, "other");
  const Reply refused = client().call("DELETE", "/hello");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.error(), "UNSUPPORTED");
}

TEST_F(ObserverTest, NamesTheRequestInItsAnswer) {
  const std::string id = client().get("/v2/").header("X-Request-Id");
  EXPECT_EQ(id.size(), 24U);
  EXPECT_EQ(observer_.next().id, id);
  EXPECT_NE(client().get("/v2/").header("X-Request-Id"), id);
  observer_.next();

  const auto named = [&](const std::string& name) {
    return client().get("/v2/", {{"X-Request-Id", name}}).header("X-Request-Id");
  };
  EXPECT_EQ(named("proxy-7.a_b"), "proxy-7.a_b");
  EXPECT_NE(named("two words"), "two words");
  EXPECT_NE(named("\"quoted\""), "\"quoted\"");
  EXPECT_EQ(named(std::string(64, 'x')), std::string(64, 'x'));
  EXPECT_EQ(named(std::string(65, 'x')).size(), 24U);
}

// It has neither a method nor a path that anybody could tell.
TEST_F(ObserverTest, TellsOfWhatIsNoRequest) {
  auto stream = net::make_plain_stream(*net::connect_tcp("127.0.0.1", port()));
  ASSERT_TRUE(stream->write("GET /v2/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"));
  const Record refused = observer_.next();
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.endpoint, "other");
  EXPECT_EQ(refused.address, "127.0.0.1");
  EXPECT_EQ(refused.method + refused.path, "");
  EXPECT_EQ(observer_.under_way(), 0);
}

TEST(Refusal, OfTheMachineNamesTheRequestAndNotTheReason) {
  const Refusal failed(Error(Code::kInternal, "open /srv/secret: gone"));
  const std::string body = error_body(failed, "abc");
  EXPECT_NE(body.find("\"detail\":{\"requestId\":\"abc\"}"), std::string::npos) << body;
  EXPECT_EQ(body.find("/srv"), std::string::npos);
  EXPECT_EQ(failed.cause, "open /srv/secret: gone");
  EXPECT_FALSE(failed.retry_after);
  // What the client did wrong is the same whoever asks.
  EXPECT_EQ(error_body(Refusal(kNotFound, "no"), "abc"), error_body(Refusal(kNotFound, "no"), "d"));
}

TEST(Refusal, OfOneThatIsBusyOrGuessedAtSaysWhenToComeAgain) {
  EXPECT_EQ(Refusal(Error(Code::kUnavailable, "locked")).retry_after, std::chrono::seconds(2));
  EXPECT_FALSE(Refusal(Error(Code::kResourceExhausted, "full")).retry_after);
  const Error guessed(Code::kResourceExhausted,
                      "too many wrong passwords: try again in 16 seconds");
  EXPECT_EQ(guessed_too_often(guessed).retry_after, std::chrono::seconds(16));
}

}  // namespace
}  // namespace skiff::registry
