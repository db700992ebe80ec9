// A store that does all that a registry counts on, and what becomes of one that lacks a thing.
#include "s3/capabilities.h"

#include <gtest/gtest.h>

#include "net/test_server.h"

namespace skiff::s3 {
namespace {

// In memory, for one caller. Each lie is what a real engine was seen to do.
class Engine {
 public:
  struct Lies {
    bool parts_as_they_came = false;
    bool ignores_conditions = false;
    bool ignores_ranges = false;
    bool serves_old_objects = false;
    bool forgets_to_remove = false;
    bool lists_nothing = false;
  };

  explicit Engine(Lies lies) : lies_(lies) {}

  Bucket bucket() {
    return *Bucket::open({.endpoint = cat("http://127.0.0.1:", server_.port()),
                          .bucket = "b",
                          .credentials = {"KEY", "SECRET", ""},
                          .attempts = 1});
  }
  bool is_empty() const { return objects_.empty() && parts_.empty(); }

 private:
  void answer(net::Request& request, net::ResponseWriter& writer) {
    const std::string key =
        request.path.size() > 3 ? request.path.substr(std::string("/b/").size()) : "";
    const std::string body = read_all(*request.body, size_t{16} << 20U).value_or("");
    if (request.method == "PUT") return put(request, key, body, writer);
    if (request.method == "POST") return post(request, key, body, writer);
    if (request.method == "DELETE") return remove(request, key, writer);
    if (key.empty()) return list(request, writer);
    const auto found = objects_.find(key);
    if (found == objects_.end()) return say(writer, 404, "<Error><Code>NoSuchKey</Code></Error>");
    read(request, found->second, writer);
  }

  void put(const net::Request& request, const std::string& key, const std::string& body,
           net::ResponseWriter& writer) {
    writer.headers().set("ETag", "\"tag\"");
    if (request.query.has("uploadId")) {
      const int number = std::stoi(request.query.get("partNumber"));
      parts_[lies_.parts_as_they_came ? static_cast<int>(parts_.size()) : number] = body;
      return say(writer, 200, "");
    }
    const bool is_conditional = request.headers.get("If-None-Match") == "*";
    if (is_conditional && !lies_.ignores_conditions && objects_.contains(key)) {
      return say(writer, 412, "<Error><Code>PreconditionFailed</Code></Error>");
    }
    if (!lies_.serves_old_objects || !objects_.contains(key)) objects_[key] = body;
    say(writer, 200, "");
  }

  void post(const net::Request& request, const std::string& key, const std::string& body,
            net::ResponseWriter& writer) {
    if (request.query.has("uploads")) {
      return say(writer, 200,
                 "<InitiateMultipartUploadResult><UploadId>id</UploadId>"
                 "</InitiateMultipartUploadResult>");
    }
    if (request.query.has("uploadId")) {
      std::string whole;
      for (const auto& [number, bytes] : parts_) whole += bytes;
      objects_[key] = whole;
      parts_.clear();
      return say(writer, 200, "<CompleteMultipartUploadResult/>");
    }
    if (!lies_.forgets_to_remove) {
      std::erase_if(objects_, [&](const auto& object) {
        return body.find(cat("<Key>", object.first, "</Key>")) != std::string::npos;
      });
    }
    say(writer, 200, "<DeleteResult/>");
  }

  void remove(const net::Request& request, const std::string& key, net::ResponseWriter& writer) {
    if (request.query.has("uploadId")) {
      parts_.clear();
    } else {
      objects_.erase(key);
    }
    say(writer, 204, "");
  }

  void list(const net::Request& request, net::ResponseWriter& writer) {
    std::string out = "<ListBucketResult><IsTruncated>false</IsTruncated>";
    for (const auto& [key, bytes] : objects_) {
      if (lies_.lists_nothing || !key.starts_with(request.query.get("prefix"))) continue;
      out += cat("<Contents><Key>", key, "</Key><Size>", bytes.size(), "</Size></Contents>");
    }
    say(writer, 200, out + "</ListBucketResult>");
  }

  void read(const net::Request& request, const std::string& object, net::ResponseWriter& writer) {
    const std::string range = request.headers.get("Range");
    if (range.empty() || lies_.ignores_ranges) {
      return say(writer, 200, object);
    }
    const std::string bytes = range.substr(std::string("bytes=").size());
    const auto ends = *split_once(bytes, '-');
    const auto first = static_cast<size_t>(*parse_uint(ends.first));
    const size_t last = std::min<size_t>(*parse_uint(ends.second), object.size() - 1);
    writer.headers().set("Content-Range", cat("bytes ", first, "-", last, "/", object.size()));
    say(writer, 206, object.substr(first, last - first + 1));
  }

  static void say(net::ResponseWriter& writer, int status, const std::string& body) {
    EXPECT_TRUE(writer.send(status, "application/xml", body));
  }

  const Lies lies_;
  std::map<std::string, std::string> objects_;
  std::map<int, std::string> parts_;
  net::TestServer server_{
      [this](net::Request& request, net::ResponseWriter& writer) { answer(request, writer); }};
};

TEST(Capabilities, AStoreThatHasThemIsTaken) {
  Engine engine({});
  const auto tested = check_capabilities(engine.bucket(), "p/");
  EXPECT_TRUE(tested) << tested.error().message();
  EXPECT_TRUE(engine.is_empty());
}

TEST(Capabilities, OneThatWouldCorruptIsRefused) {
  const std::pair<Engine::Lies, std::string_view> lies[] = {
      {{.parts_as_they_came = true}, "put together in wrong order"},
      {{.ignores_conditions = true}, "If-None-Match is ignored"},
      {{.ignores_ranges = true}, "the store gives no ranges"},
      {{.serves_old_objects = true}, "is the old one"},
      {{.forgets_to_remove = true}, "removed is still there"},
      {{.lists_nothing = true}, "is not listed"}};
  for (const auto& [lie, words] : lies) {
    Engine engine(lie);
    const auto tested = check_capabilities(engine.bucket(), "p/");
    ASSERT_FALSE(tested) << words;
    EXPECT_NE(tested.error().message().find(words), std::string::npos) << tested.error().message();
    EXPECT_NE(tested.error().message().find("test of the S3 store"), std::string::npos);
  }
}

TEST(Capabilities, OneThatDoesNotAnswerIsTold) {
  const Bucket nowhere = *Bucket::open({.endpoint = "http://127.0.0.1:1",
                                        .bucket = "b",
                                        .credentials = {"KEY", "SECRET", ""},
                                        .attempts = 1});
  const auto tested = check_capabilities(nowhere, "p/");
  ASSERT_FALSE(tested);
  EXPECT_EQ(tested.error().code(), Code::kUnavailable) << tested.error().message();
}

}  // namespace
}  // namespace skiff::s3
