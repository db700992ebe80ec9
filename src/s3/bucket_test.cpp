// How a bucket takes what a store may answer. The store here says what a test tells it to; what
// real ones do, tests/s3 shows.
#include "s3/bucket.h"

#include <gtest/gtest.h>

#include <cstring>

#include "net/test_server.h"

namespace skiff::s3 {
namespace {

struct Seen {
  std::string method;
  std::string target;
  std::string range;
  std::string if_match;
};

class BucketTest : public testing::Test {
 protected:
  using Answer = std::function<void(net::Request&, net::ResponseWriter&)>;

  // The answers to the next requests, in order.
  void will(std::vector<Answer> answers) { answers_ = std::move(answers); }
  static Answer says(int status, std::string body = "") {
    return [=](net::Request&, net::ResponseWriter& writer) {
      EXPECT_TRUE(writer.send(status, "application/xml", body));
    };
  }
  static Answer refuses(int status, std::string_view code) {
    return says(status, cat("<Error><Code>", code, "</Code><Message>words</Message></Error>"));
  }
  // Bytes of a range, of which only some come.
  static Answer gives(std::string bytes, size_t coming, std::string tag = "\"tag\"") {
    return [=](net::Request& request, net::ResponseWriter& writer) {
      const std::string range = request.headers.get("Range").substr(std::strlen("bytes="));
      auto peer = writer.hijack(cat("HTTP/1.1 206 Partial Content\r\nETag: ", tag,
                                    "\r\nContent-Range: bytes ", range,
                                    "/100\r\nContent-Length: ", bytes.size(), "\r\n\r\n"));
      ASSERT_TRUE(peer);
      EXPECT_TRUE(peer->stream->write(std::string_view(bytes).substr(0, coming)));
    };
  }

  Bucket bucket() {
    return *Bucket::open({.endpoint = cat("http://127.0.0.1:", server_.port()),
                          .bucket = "b",
                          .credentials = {"KEY", "SECRET", ""},
                          .attempts = 3,
                          .retry_delay = std::chrono::milliseconds(1)});
  }
  static Result<std::string> read(const Bucket& bucket, Range range) {
    std::string got;
    TRY(bucket.read("k", range, [&](std::string_view bytes) -> Result<> {
      got += bytes;
      return {};
    }));
    return got;
  }

  std::vector<Seen> seen_;
  std::vector<Answer> answers_;
  net::TestServer server_{[this](net::Request& request, net::ResponseWriter& writer) {
    seen_.push_back({request.method, request.target, request.headers.get("Range"),
                     request.headers.get("If-Match")});
    EXPECT_NE(request.headers.get("Authorization").find("Credential=KEY/"), std::string::npos);
    ASSERT_LE(seen_.size(), answers_.size());
    answers_[seen_.size() - 1](request, writer);
  }};
};

TEST_F(BucketTest, WhatMayPassIsTriedAgain) {
  will({refuses(503, "SlowDown"), refuses(500, "InternalError"), says(200)});
  EXPECT_TRUE(bucket().put("a b/c", "bytes"));
  EXPECT_EQ(seen_.size(), 3U);
  EXPECT_EQ(seen_.back().target, "/b/a%20b/c");
}

TEST_F(BucketTest, WhatDoesNotPassIsAnErrorInTheStoresWords) {
  will({refuses(503, "SlowDown"), refuses(503, "SlowDown"), refuses(503, "SlowDown")});
  const auto slow = bucket().put("k", "bytes");
  EXPECT_EQ(slow.error().code(), Code::kUnavailable);
  EXPECT_EQ(slow.error().message(), "put k: SlowDown: words");
}

TEST_F(BucketTest, RefusalsHaveTheirCodes) {
  will({refuses(404, "NoSuchKey"), refuses(403, "AccessDenied"), refuses(412, "PreconditionFailed"),
        refuses(400, "MalformedXML"), says(404, "no XML")});
  const Bucket b = bucket();
  EXPECT_EQ(b.list("x").error().code(), Code::kNotFound);
  const auto denied = b.put("k", "");
  EXPECT_EQ(denied.error().code(), Code::kPermissionDenied);
  EXPECT_EQ(denied.error().message().find("SECRET"), std::string::npos);
  EXPECT_EQ(b.put("k", "", IfThere::kRefuse).error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(b.begin_upload("k").error().code(), Code::kInvalidArgument);
  EXPECT_EQ(b.put("k", "x").error().message(), "put k: 404 Not Found");
}

TEST_F(BucketTest, AReadThatBreaksOffGoesOnWhereItWas) {
  will({gives("234567", 2), refuses(503, "SlowDown"), gives("4567", 4)});
  EXPECT_EQ(read(bucket(), {2, 6}).value_or(""), "234567");
  ASSERT_EQ(seen_.size(), 3U);
  EXPECT_EQ(seen_[0].range, "bytes=2-7");
  EXPECT_EQ(seen_[0].if_match, "");
  EXPECT_EQ(seen_[2].range, "bytes=4-7");
  EXPECT_EQ(seen_[2].if_match, "\"tag\"");
}

TEST_F(BucketTest, AnObjectThatIsShorterOrAnotherIsAnError) {
  will({gives("23", 2), refuses(416, "InvalidRange"), gives("2345", 2),
        refuses(412, "PreconditionFailed")});
  const Bucket b = bucket();
  EXPECT_EQ(read(b, {2, 6}).error().code(), Code::kDataLoss);
  EXPECT_EQ(read(b, {9, 6}).error().code(), Code::kDataLoss);
  EXPECT_EQ(read(b, {2, 4}).error().code(), Code::kFailedPrecondition);
}

TEST_F(BucketTest, HalvesOfTwoObjectsAreNotOne) {
  will({gives("234567", 2), gives("4567", 4, "\"another\"")});
  EXPECT_EQ(read(bucket(), {2, 6}).error().code(), Code::kFailedPrecondition);
}

TEST_F(BucketTest, AStoreWithoutRangesIsNotTakenForOneThatHasThem) {
  will({says(200, "0123456789")});
  EXPECT_EQ(read(bucket(), {2, 4}).error().code(), Code::kInternal);
}

TEST_F(BucketTest, WhoTakesTheBytesMayEndIt) {
  will({gives("0123", 4)});
  const auto done = bucket().read("k", {0, 4}, [](std::string_view) -> Result<> {
    return Error(Code::kResourceExhausted, "full");
  });
  EXPECT_EQ(done.error().code(), Code::kResourceExhausted);
}

const std::string kDone = "<CompleteMultipartUploadResult/>";

TEST_F(BucketTest, AnErrorUnder200IsOne) {
  will({refuses(200, "InternalError"), says(200, kDone), refuses(200, "InvalidPart")});
  EXPECT_TRUE(bucket().finish_upload("k", "id", std::array{Part{1, "\"t\""}}));
  const auto bad = bucket().finish_upload("k", "id", std::array{Part{1, "\"t\""}});
  EXPECT_EQ(bad.error().code(), Code::kInvalidArgument);
}

TEST_F(BucketTest, AnUploadWhoseLastAnswerWasLostIsFinished) {
  will({refuses(503, "ServiceUnavailable"), refuses(404, "NoSuchUpload"), says(200)});
  EXPECT_TRUE(bucket().finish_upload("k", "id", std::array{Part{1, "\"t\""}}));
  EXPECT_EQ(seen_.back().method, "HEAD");
}

TEST_F(BucketTest, AnUploadThatIsNotThereIsNotFinished) {
  will({refuses(404, "NoSuchUpload"), refuses(503, "SlowDown"), refuses(404, "NoSuchUpload"),
        says(404)});
  const Bucket b = bucket();
  // Whatever stands under the key is not asked for: it would be somebody else's.
  EXPECT_EQ(b.finish_upload("k", "id", {}).error().code(), Code::kNotFound);
  EXPECT_EQ(seen_.size(), 1U);
  EXPECT_EQ(b.finish_upload("k", "id", {}).error().code(), Code::kNotFound);
}

TEST_F(BucketTest, NoBucketIsNotNoObject) {
  will({refuses(404, "NoSuchBucket"), says(307)});
  EXPECT_EQ(bucket().remove("k").error().code(), Code::kFailedPrecondition);
  EXPECT_FALSE(bucket().size_of("k"));
}

// What is sent is what was signed.
TEST_F(BucketTest, KeysWithDotsAreSentAsTheyAre) {
  will({says(200)});
  EXPECT_TRUE(bucket().put("a/../b/./c", "x"));
  EXPECT_EQ(seen_.at(0).target, "/b/a/../b/./c");
}

TEST_F(BucketTest, WhatStaysOfARemovalIsTold) {
  std::string body;
  const auto answer = [&](net::Request& request, net::ResponseWriter& writer) {
    body = *read_all(*request.body, 1000);
    EXPECT_NE(request.headers.get("x-amz-checksum-sha256"), "");
    EXPECT_TRUE(writer.send(200, "application/xml",
                            "<DeleteResult><Error><Key>a&amp;b</Key><Code>AccessDenied</Code>"
                            "<Message>no</Message></Error><Error><Key>c</Key>"
                            "<Code>NoSuchKey</Code></Error></DeleteResult>"));
  };
  will({answer});
  const auto stay = bucket().remove_all(std::vector<std::string>{"a&b", "c"});
  ASSERT_TRUE(stay) << stay.error().message();
  ASSERT_EQ(stay->size(), 1U);
  EXPECT_EQ(stay->front().key, "a&b");
  EXPECT_NE(body.find("<Key>a&amp;b</Key>"), std::string::npos);
}

TEST_F(BucketTest, PagesAreRead) {
  will({says(200,
             "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>x/1</Key>"
             "<Size>7</Size></Contents></ListBucketResult>")});
  const auto listed = bucket().list("x/", "x/0");
  ASSERT_TRUE(listed) << listed.error().message();
  EXPECT_TRUE(listed->is_cut);
  EXPECT_EQ(listed->objects.at(0).size, 7U);
  EXPECT_EQ(seen_.at(0).target, "/b?list-type=2&max-keys=1000&prefix=x%2F&start-after=x%2F0");
}

TEST(Buckets, AreAtAnEndpointWithAName) {
  for (const char* bad : {"", "s3.example", "ftp://s3.example", "http://s3.example/path"}) {
    EXPECT_FALSE(Bucket::open({.endpoint = bad, .bucket = "b"})) << bad;
  }
  EXPECT_FALSE(Bucket::open({.endpoint = "http://s3.example", .bucket = ""}));
  EXPECT_FALSE(Bucket::open({.endpoint = "http://s3.example", .bucket = "a/b"}));
  const Bucket hosted =
      *Bucket::open({.endpoint = "https://s3.example:443", .bucket = "b", .virtual_host = true});
  const std::string link = hosted.link_to("k", std::chrono::minutes(5));
  EXPECT_TRUE(link.starts_with("https://b.s3.example/k?X-Amz-Algorithm=")) << link;
}

}  // namespace
}  // namespace skiff::s3
