#include <gtest/gtest.h>

#include "remote/test_registry.h"
#include "remote/transport.h"

namespace skiff::remote {
namespace {

class Download : public testing::Test {
 protected:
  Download() { registry_.blobs["app"][blob_.digest.str()] = bytes_; }

  Result<> fetch(const CancelToken& cancel = {}) {
    if (!ingest_) ingest_ = store_->ingest("blob").value();
    return client_.fetch_blob(registry_.ref("app"), blob_, *ingest_, progress_, cancel);
  }
  // What was fetched, verified.
  std::string committed() {
    auto done = store_->commit(*ingest_, blob_.digest);
    if (!done) return done.error().message();
    return content::read_blob(*store_, blob_.digest).value();
  }
  // Ends the connection after `count` bytes of the blob.
  static void break_off(net::Request&, net::ResponseWriter& w, std::string_view head,
                        std::string_view bytes) {
    auto connection = w.hijack(head);
    ASSERT_TRUE(connection);
    EXPECT_TRUE(connection->stream->write(bytes));
  }
  std::string whole_head() const {
    return cat("HTTP/1.1 200 OK\r\nContent-Length: ", bytes_.size(), "\r\n\r\n");
  }
  Lines ranges() {
    Lines out;
    for (const Asked& one : registry_.all_asked()) {
      if (one.line.starts_with("GET")) out.push_back(one.range);
    }
    return out;
  }

  std::string bytes_ = test_bytes(300'000);
  oci::Descriptor blob_ = TestStore::descriptor(bytes_);
  Progress progress_;
  TestRegistry registry_;
  TestStore store_;
  RegistryClient client_{quick_options()};
  std::unique_ptr<content::Ingest> ingest_;
};

TEST_F(Download, BytesArriveWithProgress) {
  uint64_t last = 0;
  progress_ = [&](uint64_t done, uint64_t total) {
    EXPECT_GT(done, last);
    EXPECT_EQ(total, bytes_.size());
    last = done;
  };
  ASSERT_TRUE(fetch());
  EXPECT_EQ(last, bytes_.size());
  EXPECT_EQ(committed(), bytes_);
}

class KeepingReceiver : public BlobReceiver {
 public:
  Result<> expect(uint64_t size) override {
    expected = size;
    return {};
  }
  uint64_t offset() const override { return bytes.size(); }
  Result<> write(std::string_view more) override {
    bytes += more;
    return {};
  }
  Result<> reset() override {
    bytes.clear();
    return {};
  }

  std::string bytes;
  std::optional<uint64_t> expected;
};

TEST_F(Download, TheSizeIsTheRegistrysWord) {
  const auto ref = registry_.ref("app");
  EXPECT_EQ(client_.blob_size(ref, blob_.digest).value(), bytes_.size());
  EXPECT_EQ(client_.blob_size(ref, oci::Digest::of("")).error().code(), Code::kNotFound);
  KeepingReceiver whole;
  ASSERT_TRUE(client_.receive_blob(ref, blob_.digest, whole));
  EXPECT_EQ(whole.expected, bytes_.size());
  EXPECT_EQ(whole.bytes, bytes_);
  // From a middle on, too.
  KeepingReceiver rest;
  rest.bytes = bytes_.substr(0, 1000);
  ASSERT_TRUE(client_.receive_blob(ref, blob_.digest, rest));
  EXPECT_EQ(rest.expected, bytes_.size());
  EXPECT_EQ(rest.bytes, bytes_);
}

TEST_F(Download, ABlobWithoutASizeIsRefused) {
  registry_.instead = [](net::Request&, net::ResponseWriter& w) {
    EXPECT_TRUE(w.begin(200));
    EXPECT_TRUE(w.write("bytes"));
    EXPECT_TRUE(w.finish());
    return true;
  };
  KeepingReceiver none;
  EXPECT_EQ(client_.receive_blob(registry_.ref("app"), blob_.digest, none).error().code(),
            Code::kUnimplemented);
}

TEST_F(Download, ADroppedConnectionIsContinuedWhereItEnded) {
  int drops = 0;
  registry_.instead = [&](net::Request& r, net::ResponseWriter& w) {
    if (drops == 3) return false;
    ++drops;
    const std::string range = r.headers.get("Range");
    const size_t from = range.empty() ? 0 : std::stoul(range.substr(6));
    const std::string head =
        range.empty()
            ? whole_head()
            : cat("HTTP/1.1 206 Partial Content\r\nContent-Length: ", bytes_.size() - from,
                  "\r\nContent-Range: bytes ", from, "-", bytes_.size() - 1, "/", bytes_.size(),
                  "\r\n\r\n");
    break_off(r, w, head, std::string_view(bytes_).substr(from, 50'000));
    return true;
  };
  auto done = fetch();
  ASSERT_TRUE(done) << message_of(done);
  EXPECT_EQ(ranges(), (Lines{"", "bytes=50000-", "bytes=100000-", "bytes=150000-"}));
  EXPECT_EQ(committed(), bytes_);
}

TEST_F(Download, AnEarlierAttemptIsContinued) {
  ingest_ = store_->ingest("blob").value();
  ASSERT_TRUE(ingest_->write(std::string_view(bytes_).substr(0, 1234)));
  ASSERT_TRUE(fetch());
  EXPECT_EQ(ranges(), (Lines{"bytes=1234-"}));
  EXPECT_EQ(committed(), bytes_);
}

TEST_F(Download, AServerWithoutRangesStartsAgain) {
  registry_.instead = [&](net::Request& r, net::ResponseWriter& w) {
    if (r.headers.get("Range").empty()) return false;
    EXPECT_TRUE(w.send(200, "application/octet-stream", bytes_));
    return true;
  };
  ingest_ = store_->ingest("blob").value();
  ASSERT_TRUE(ingest_->write("not the beginning"));
  ASSERT_TRUE(fetch());
  EXPECT_EQ(committed(), bytes_);
}

TEST_F(Download, MoreThanTheBlobIsThrownAway) {
  ingest_ = store_->ingest("blob").value();
  ASSERT_TRUE(ingest_->write(bytes_ + "more"));
  ASSERT_TRUE(fetch());
  EXPECT_EQ(committed(), bytes_);
}

TEST_F(Download, AnotherRangeThanAskedForIsRefused) {
  registry_.instead = [&](net::Request&, net::ResponseWriter& w) {
    w.headers().set("Content-Range", "bytes 7-9/300000");
    EXPECT_TRUE(w.send(206, "application/octet-stream", "abc"));
    return true;
  };
  ingest_ = store_->ingest("blob").value();
  ASSERT_TRUE(ingest_->write("x"));
  auto refused = fetch();
  EXPECT_EQ(message_of(refused), cat("download ", blob_.digest.str(),
                                     ": asked for bytes from 1, got \"bytes 7-9/300000\""));
  EXPECT_EQ(ranges().size(), 1U);
}

TEST_F(Download, AnUnsatisfiableRangeStartsAgain) {
  registry_.instead = [&](net::Request& r, net::ResponseWriter& w) {
    if (r.headers.get("Range").empty()) return false;
    EXPECT_TRUE(w.send(416, "", ""));
    return true;
  };
  ingest_ = store_->ingest("blob").value();
  ASSERT_TRUE(ingest_->write("x"));
  ASSERT_TRUE(fetch());
  EXPECT_EQ(committed(), bytes_);
}

TEST_F(Download, MoreBytesThanTheDescriptorSaysAreRefused) {
  blob_.size = 1000;
  auto refused = fetch();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kDataLoss);
  EXPECT_EQ(ingest_->offset(), 0U);
  EXPECT_EQ(ranges().size(), 1U);
}

TEST_F(Download, WrongBytesAreNeverCommitted) {
  std::string wrong = bytes_;
  wrong[100] ^= 1;
  registry_.blobs["app"][blob_.digest.str()] = wrong;
  ASSERT_TRUE(fetch());
  auto refused = store_->commit(*ingest_, blob_.digest);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kDataLoss);
  EXPECT_FALSE(store_->info(blob_.digest));
}

TEST_F(Download, AFailureForTheMomentIsTriedAgain) {
  int left = 3;
  registry_.instead = [&](net::Request&, net::ResponseWriter& w) {
    if (left-- == 0) return false;
    w.headers().set("Retry-After", "0");
    EXPECT_TRUE(w.send(left == 1 ? 429 : 503, "", ""));
    return true;
  };
  ASSERT_TRUE(fetch());
  EXPECT_EQ(committed(), bytes_);
}

TEST_F(Download, AttemptsEndAndTheErrorSaysHowFarItCame) {
  registry_.instead = [&](net::Request& r, net::ResponseWriter& w) {
    if (r.headers.get("Range").empty()) {
      break_off(r, w, whole_head(), std::string_view(bytes_).substr(0, 10));
    } else {
      EXPECT_TRUE(w.send(503, "", ""));
    }
    return true;
  };
  auto failed = fetch();
  EXPECT_EQ(message_of(failed),
            cat("download ", blob_.digest.str(), ": the server answered 503 Service Unavailable"));
  EXPECT_EQ(ranges(), (Lines{"", "bytes=10-", "bytes=10-", "bytes=10-"}));
}

TEST_F(Download, AFinalAnswerIsNotRepeated) {
  registry_.blobs.clear();
  auto failed = fetch();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Code::kNotFound);
  EXPECT_EQ(ranges().size(), 1U);
}

TEST_F(Download, AForeignLayerComesFromItsOwnPlaces) {
  registry_.blobs["app"].clear();
  registry_.blobs["elsewhere"][blob_.digest.str()] = bytes_;
  const auto at = [&](std::string_view repository) {
    return registry_.url(cat("/v2/", repository, "/blobs/", blob_.digest.str()));
  };
  blob_.urls = {at("nowhere"), at("elsewhere")};
  EXPECT_EQ(fetch().error().code(), Code::kNotFound);  // of no other layer
  blob_.media_type = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
  const auto done = fetch();
  ASSERT_TRUE(done) << message_of(done);
  EXPECT_EQ(committed(), bytes_);
  ingest_.reset();
  blob_.urls = {"file:///etc/passwd"};
  EXPECT_EQ(fetch().error().code(), Code::kInvalidArgument);
}

TEST_F(Download, AForeignPlaceThatIsDownIsPassedOver) {
  registry_.instead = [&](net::Request& r, net::ResponseWriter& w) {
    if (!r.path.starts_with("/v2/app/")) return false;
    EXPECT_TRUE(w.send(503, "text/plain", "later"));
    return true;
  };
  registry_.blobs["elsewhere"][blob_.digest.str()] = bytes_;
  blob_.media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  blob_.urls = {"http://127.0.0.1:1/nobody",
                registry_.url(cat("/v2/elsewhere/blobs/", blob_.digest.str()))};
  const auto done = fetch();
  ASSERT_TRUE(done) << message_of(done);
  EXPECT_EQ(committed(), bytes_);
}

TEST(ForeignPlaces, OnlyWhatTheAuthorReachesHimselfIsAsked) {
  const Transport transport(quick_options());
  const auto may = [&](std::string_view host, std::string_view url) {
    return transport.may_follow(std::string(host), *net::Url::parse(url));
  };
  EXPECT_TRUE(may("registry.example", "https://layers.example/a"));
  for (const char* url :
       {"http://layers.example/a", "https://localhost/a", "https://127.1.2.3:9/a",
        "https://[::1]/a", "https://169.254.169.254/a", "https://[fe80::1]/a", "https://127.1/a",
        "https://2852039166/a", "https://[::ffff:127.0.0.1]/a", "https://0/a"}) {
    EXPECT_FALSE(may("registry.example", url)) << url;
  }
  EXPECT_TRUE(may("localhost:5000", "http://127.0.0.1:5000/a"));
}

// Also where its name does not tell that it is an inner one.
TEST(ForeignPlaces, AreJudgedByTheAddressThatIsConnectedTo) {
  TestRegistry registry;
  Transport transport(quick_options());
  const std::string port(split_last(registry.host(), ':')->second);
  for (const std::string host : {"2130706433", "localhost"}) {
    Call call;
    call.host = "registry.example";
    call.target = *net::Url::parse(cat("https://", host, ":", port, "/layer"));
    call.named_by_image = true;
    const auto refused = transport.send_once(call);
    ASSERT_FALSE(refused) << host;
    EXPECT_EQ(refused.error().code(), Code::kPermissionDenied) << refused.error().message();
  }
}

TEST_F(Download, CancellingEndsAWait) {
  CancelSource cancel;
  registry_.instead = [&](net::Request&, net::ResponseWriter& w) {
    w.headers().set("Retry-After", "60");
    EXPECT_TRUE(w.send(503, "", ""));
    cancel.cancel();
    return true;
  };
  auto failed = fetch(cancel.token());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Code::kCancelled);
}

// Where blobs really are: another server, which must not learn the registry's secrets.
class Redirected : public Download {
 protected:
  Redirected() {
    elsewhere_.instead = [this](net::Request&, net::ResponseWriter& w) {
      EXPECT_TRUE(w.send(200, "application/octet-stream", bytes_));
      return true;
    };
    registry_.instead = [this](net::Request& r, net::ResponseWriter& w) {
      if (r.headers.get("Authorization").empty()) {
        w.headers().set("WWW-Authenticate", "Basic realm=\"x\"");
        EXPECT_TRUE(w.send(401, "", ""));
      } else {
        w.headers().set("Location", elsewhere_.url("/blob?signature=1"));
        EXPECT_TRUE(w.send(307, "", ""));
      }
      return true;
    };
  }
  TestRegistry elsewhere_;
};

TEST_F(Redirected, AuthorizationStaysWithTheRegistry) {
  ClientOptions options = quick_options();
  options.credentials.username = "me";
  options.credentials.password = "secret";
  RegistryClient client(options);
  ingest_ = store_->ingest("blob").value();
  auto done = client.fetch_blob(registry_.ref("app"), blob_, *ingest_, {});
  ASSERT_TRUE(done) << message_of(done);
  EXPECT_EQ(committed(), bytes_);
  EXPECT_TRUE(registry_.all_asked().back().authorization.starts_with("Basic "));
  const auto asked = elsewhere_.all_asked();
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].line, "GET /blob?signature=1");
  EXPECT_EQ(asked[0].authorization, "");
}

}  // namespace
}  // namespace skiff::remote
