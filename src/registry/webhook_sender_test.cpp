// Webhooks are told: what they get, and what becomes of those that do not take it.
#include "registry/webhook_sender.h"

#include <deque>

#include "codec/base64.h"
#include "registry/cloud_event.h"
#include "registry/test_metrics.h"
#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

// Somebody's server, which answers as the test says.
class Receiver {
 public:
  struct Call {
    net::Headers headers;
    std::string body;
    json::Value event() const { return json::parse(body).value_or(json::Value()); }
    std::string tag() const { return event().find("data")->string("tag"); }
  };

  Receiver()
      : server_([this](net::Request& request, net::ResponseWriter& w) { answer(request, w); }, {}) {
    auto socket = net::listen_tcp("127.0.0.1:0");
    port_ = *net::local_port(socket->get());
    EXPECT_TRUE(server_.listen(std::move(*socket)));
    thread_ = std::thread([this] { EXPECT_TRUE(server_.run()); });
  }
  ~Receiver() {
    hang(false);
    server_.stop();
    thread_.join();
  }
  std::string url() const { return cat("http://127.0.0.1:", port_, "/hook?of=skiff"); }
  // From now on.
  void answers(int status, std::string field = "", std::string value = "") {
    std::lock_guard lock(mutex_);
    status_ = status;
    field_ = {std::move(field), std::move(value)};
  }
  void hang(bool on) {
    {
      std::lock_guard lock(mutex_);
      hangs_ = on;
    }
    changed_.notify_all();
  }
  // The first that nobody took yet.
  Call next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !calls_.empty(); });
    Call call = std::move(calls_.front());
    calls_.pop_front();
    return call;
  }

 private:
  void answer(net::Request& request, net::ResponseWriter& writer) {
    Call call{request.headers, *read_all(*request.body, size_t{1} << 20U)};
    std::unique_lock lock(mutex_);
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/hook?of=skiff");
    calls_.push_back(std::move(call));
    changed_.notify_all();
    changed_.wait(lock, [&] { return !hangs_; });
    if (!field_.first.empty()) writer.headers().set(field_.first, field_.second);
    [[maybe_unused]] auto sent = writer.send(status_, "text/plain", "thanks");
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int status_ = 204;
  std::pair<std::string, std::string> field_;
  bool hangs_ = false;
  std::deque<Call> calls_;
  net::HttpServer server_;
  uint16_t port_ = 0;
  std::thread thread_;
};

class WebhookTest : public RegistryTest {
 protected:
  WebhookTest() {
    options_.send_webhooks = true;
    options_.public_url = "https://registry.example";
    options_.webhooks.look = std::chrono::milliseconds(5);
  }
  void SetUp() override {
    RegistryTest::SetUp();
    store_ = open_metadata({});
  }
  Webhook add(const Receiver& receiver, std::vector<std::string> kinds = {"tag.set"},
              bool inner = true) {
    return *store_->add_webhook({.url = receiver.url(), .kinds = std::move(kinds), .inner = inner});
  }
  void push(const std::string& repository, const std::string& tag) {
    push_image(repository, tag, "config", {"layer"});
  }
  // Waits until the first delivery is as it should be.
  Delivery wait_for(const Webhook& webhook, const std::function<bool(const Delivery&)>& good) {
    for (;;) {
      const auto all = store_->deliveries(webhook.id, "", 1000);
      EXPECT_TRUE(all);
      if (!all->empty() && good(all->back())) return all->back();
      std::this_thread::yield();
    }
  }
  double metric(const std::string& name) {
    return ReadMetrics(client().get("/metrics").body).value(name);
  }
  Delivery failed(const Webhook& webhook) {
    return wait_for(webhook, [](const Delivery& d) { return d.attempts > 0; });
  }

  std::unique_ptr<MetadataStore> store_;
};

TEST_F(WebhookTest, GetsSignedCloudEvents) {
  Receiver receiver;
  const Webhook hook = add(receiver);
  push("acme/web", "1");
  const Receiver::Call call = receiver.next();
  EXPECT_EQ(call.headers.get("Content-Type"), "application/cloudevents+json");
  const json::Value event = call.event();
  EXPECT_EQ(event.string("specversion"), "1.0");
  EXPECT_EQ(event.string("id"), call.headers.get("webhook-id"));
  EXPECT_EQ(event.string("source"), "https://registry.example");
  EXPECT_EQ(event.string("type"), "skiff.registry.tag.set");
  EXPECT_EQ(event.string("subject"), "acme/web:1");
  EXPECT_TRUE(parse_rfc3339(event.string("time")));
  EXPECT_EQ(event.find("data")->string("repository"), "acme/web");
  const int64_t sent = *parse_int(call.headers.get("webhook-timestamp"));
  EXPECT_EQ(sent, unix_seconds(clock_.now()));
  EXPECT_EQ(call.headers.get("webhook-signature"),
            *webhook_signature(hook.secret, event.string("id"), sent, call.body));
  const Delivery told = wait_for(hook, [](const Delivery& d) { return d.state == "delivered"; });
  EXPECT_EQ(told.status, 204);
  EXPECT_EQ(told.attempts, 1);
}

TEST_F(WebhookTest, IsToldAgainInOrderWhenItWasDown) {
  Receiver receiver;
  receiver.answers(500);
  const Webhook hook = add(receiver);
  push("a", "1");
  push("a", "2");
  const std::string first = receiver.next().event().string("id");
  EXPECT_EQ(failed(hook).error, "answered 500");
  // Not before its time; another repository's are not held up.
  receiver.answers(200);
  push("b", "other");
  EXPECT_EQ(receiver.next().tag(), "other");
  clock_.advance(std::chrono::seconds(3));
  const Receiver::Call again = receiver.next();
  EXPECT_EQ(again.event().string("id"), first);
  EXPECT_EQ(again.tag(), "1");
  EXPECT_EQ(receiver.next().tag(), "2");
  EXPECT_EQ(wait_for(hook, [](const Delivery& d) { return d.state == "delivered"; }).attempts, 2);
}

TEST_F(WebhookTest, WaitsLongerEachTimeAndAsLongAsItIsAsked) {
  Receiver receiver;
  receiver.answers(500);
  const Webhook hook = add(receiver);
  push("a", "1");
  for (int64_t attempt = 1; attempt <= 5; ++attempt) {
    receiver.next();
    const Delivery now = wait_for(hook, [&](const Delivery& d) { return d.attempts == attempt; });
    const auto pause = now.next_try - clock_.now();
    const std::chrono::seconds longest(int64_t{1} << attempt);
    EXPECT_LE(pause, longest);
    EXPECT_GE(pause, longest / 2);
    clock_.advance(longest);
  }
  receiver.next();
  wait_for(hook, [&](const Delivery& d) { return d.attempts == 6; });
  receiver.answers(503, "Retry-After", "600");
  clock_.advance(std::chrono::seconds(64));
  receiver.next();
  const Delivery asked = wait_for(hook, [](const Delivery& d) { return d.status == 503; });
  EXPECT_GE(asked.next_try - clock_.now(), std::chrono::seconds(600));
}

TEST_F(WebhookTest, IsGivenUpWhenItsTimeIsOver) {
  Receiver receiver;
  receiver.answers(500);
  const Webhook hook = add(receiver);
  push("a", "1");
  receiver.next();
  failed(hook);
  clock_.advance(std::chrono::hours(4 * 24));
  const Delivery dropped = wait_for(hook, [](const Delivery& d) { return d.state == "dropped"; });
  EXPECT_EQ(dropped.error, "answered 500");
  // Counted once it is written.
  while (metric("skiff_registry_webhook_dropped_total") == 0) std::this_thread::yield();
  EXPECT_EQ(metric("skiff_registry_webhook_dropped_total"), 1);
  EXPECT_EQ(metric("skiff_registry_webhooks"), 1);
}

TEST_F(WebhookTest, OneThatHangsHoldsUpNoOtherNorTheEnd) {
  Receiver stuck;
  Receiver sound;
  stuck.hang(true);
  add(stuck);
  add(sound);
  push("a", "1");
  push("a", "2");
  EXPECT_EQ(sound.next().tag(), "1");
  EXPECT_EQ(sound.next().tag(), "2");
  EXPECT_EQ(stuck.next().tag(), "1");
  stop();  // while it hangs
}

// As where the process is killed after the receiver has heard it and before that is noted.
TEST_F(WebhookTest, IsToldAgainWhatWasNotNoted) {
  Receiver receiver;
  receiver.hang(true);
  add(receiver);
  push("a", "1");
  const std::string heard = receiver.next().event().string("id");
  stop();
  receiver.hang(false);
  start();
  EXPECT_EQ(receiver.next().event().string("id"), heard);
}

TEST_F(WebhookTest, IsNotFollowedElsewhere) {
  Receiver elsewhere;
  Receiver receiver;
  receiver.answers(307, "Location", elsewhere.url());
  const Webhook hook = add(receiver);
  push("a", "1");
  receiver.next();
  const Delivery told = failed(hook);
  EXPECT_EQ(told.status, 307);
  EXPECT_NE(told.error.find("redirects are not followed"), std::string::npos) << told.error;
  EXPECT_EQ(told.error.find("of=skiff"), std::string::npos) << told.error;
}

// Whatever the name resolves to when it is told.
TEST_F(WebhookTest, ReachesInnerAddressesOnlyWhereThatIsMeant) {
  Receiver receiver;
  const Webhook hook = add(receiver, {"tag.set"}, false);
  push("a", "1");
  EXPECT_NE(failed(hook).error.find("127.0.0.1 is not one to connect to"), std::string::npos);
}

TEST_F(WebhookTest, ThatIsDisabledOrRemovedIsToldNothing) {
  Receiver receiver;
  const Webhook hook = add(receiver);
  push("a", "1");
  EXPECT_EQ(receiver.next().tag(), "1");
  wait_for(hook, [](const Delivery& d) { return d.state == "delivered"; });
  ASSERT_TRUE(store_->set_webhook_disabled(hook.id, true));
  push("a", "2");
  ASSERT_TRUE(store_->set_webhook_disabled(hook.id, false));
  push("a", "3");
  EXPECT_EQ(receiver.next().tag(), "3");
  ASSERT_TRUE(store_->remove_webhook(hook.id));
  const Webhook other = add(receiver);
  push("a", "4");
  EXPECT_EQ(receiver.next().tag(), "4");
}

TEST(CloudEvent, IsSignedAsStandardWebhooksSay) {
  EXPECT_EQ(*webhook_signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_1", 1614265330,
                               "{\"test\":1}"),
            "v1,VPYgn+wQ2NP1bqG0eC4iCt5m54MvUqC0HQWl6aDniOY=");
  EXPECT_FALSE(webhook_signature("whsec_!", "a", 1, "b"));
}

TEST(CloudEvent, HasASubjectForEachKind) {
  const auto subject = [](const std::string& data) {
    const Delivery delivery{.repository = "a/b", .data = data};
    return json::parse(cloud_event(delivery, "x"))->string("subject");
  };
  EXPECT_EQ(subject("{\"tag\":\"1\",\"digest\":\"sha256:ab\"}"), "a/b:1");
  EXPECT_EQ(subject("{\"digest\":\"sha256:ab\"}"), "a/b@sha256:ab");
  EXPECT_EQ(subject("{}"), "a/b");
}

TEST(CheckWebhook, TakesWhatMayBeMeant) {
  const auto check = [](const std::string& url, bool inner = false) {
    return check_webhook({.url = url, .inner = inner}).has_value();
  };
  EXPECT_TRUE(check("https://ci.example/hook?x=1"));
  EXPECT_TRUE(check("http://ci.internal/hook", true));
  EXPECT_TRUE(check("https://127.0.0.1/", true));
  for (const char* wrong :
       {"http://ci.example/", "https://127.0.0.1/", "https://localhost:8080/", "https://[::1]/",
        "https://169.254.169.254/", "https://user:secret@ci.example/", "ftp://ci.example/", "ci",
        "https://ci.example/a b", "https://ci.example/\n", "https://"}) {
    EXPECT_FALSE(check(wrong)) << wrong;
  }
  EXPECT_FALSE(check("http://169.254.169.254/", true));
  EXPECT_FALSE(check(cat("https://ci.example/", std::string(2000, 'x'))));
  EXPECT_FALSE(check_webhook({.url = "https://a.example/", .kinds = {"tag.moved"}}));
  EXPECT_FALSE(check_webhook({.url = "https://a.example/", .repositories = {"a b"}}));
  EXPECT_TRUE(check_webhook({.url = "https://a.example/", .repositories = {"acme/**"}}));
}

}  // namespace
}  // namespace skiff::registry
