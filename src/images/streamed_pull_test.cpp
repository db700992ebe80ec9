// Layers that are received while their blobs still come.
#include <future>
#include <thread>

#include "base/random.h"
#include "images/test_publish.h"

namespace skiff::images {
namespace {

class StreamedPull : public testing::Test {
 protected:
  StreamedPull() {
    image_ = from_.make("app", {{{"a", random_bytes(3'000'000)}}});
    publish(registry_, from_, image_.target, "app", "1");
    layer_ = image_.manifest_doc.layers[0];
    blob_ = registry_.blobs["app"][layer_.digest.str()];
    registry_.instead = [this](net::Request& request, net::ResponseWriter& w) {
      return request.path.ends_with(layer_.digest.str()) && answer(request, w);
    };
  }

  // Sends `bytes` of the blob from `from` on, of a length that promises the rest.
  void send_part(net::ResponseWriter& w, size_t from, std::string_view bytes) {
    const std::string range =
        cat("Content-Range: bytes ", from, "-", blob_.size() - 1, "/", blob_.size(), "\r\n");
    const auto connection = w.hijack(cat("HTTP/1.1 ", from == 0 ? "200 OK" : "206 Partial Content",
                                         "\r\nContent-Length: ", blob_.size() - from, "\r\n",
                                         from == 0 ? "" : range, "\r\n"));
    ASSERT_TRUE(connection);
    // Who refuses them may be gone before all are sent.
    [[maybe_unused]] const auto sent = connection->stream->write(bytes);
    if (on_sent_) on_sent_();
  }

  Result<Image> pull() {
    const PullOptions options{.platform = {}, .client = remote::quick_options()};
    return to_->pull(registry_.ref("app:1"), options, {}, cancel_.token());
  }

  // The bytes that all files of this name hold; of any name, where it is "".
  uint64_t bytes_in(const Path& directory, std::string_view name) const {
    uint64_t bytes = 0;
    std::error_code ignored;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(to_.root() / directory, ignored)) {
      if (!entry.is_regular_file(ignored)) continue;
      if (name.empty() || entry.path().filename() == name) bytes += entry.file_size(ignored);
    }
    return bytes;
  }
  uint64_t received() const { return bytes_in("snapshots/new", "layer.tar"); }
  uint64_t downloaded() const { return bytes_in("content/ingests", ""); }
  static bool wait_for(const std::function<bool()>& truth) {
    for (int i = 0; i < 6000 && !truth(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return truth();
  }

  // Of a request for the layer's blob.
  std::function<bool(net::Request&, net::ResponseWriter&)> answer =
      [](net::Request&, net::ResponseWriter&) { return false; };
  std::function<void()> on_sent_;  // before the connection ends
  CancelSource cancel_;
  TestImages from_;
  TestImages to_;
  Image image_;
  oci::Descriptor layer_;
  std::string blob_;
  remote::TestRegistry registry_;
};

TEST_F(StreamedPull, ALayerIsThereWhenItsBlobIs) {
  if (to_->snapshots().backend() != snapshot::Backend::kErofs) {
    GTEST_SKIP() << "the overlay back end unpacks when the layers below are there";
  }
  bool was_received = false;
  on_sent_ = [&] { was_received = wait_for([&] { return received() >= 2'000'000; }); };
  int attempts = 0;
  answer = [&](net::Request&, net::ResponseWriter& w) {
    if (++attempts > 1) return false;  // the rest
    send_part(w, 0, std::string_view(blob_).substr(0, blob_.size() - 1000));
    return true;
  };
  const auto pulled = pull();
  ASSERT_TRUE(pulled) << message_of(pulled);
  EXPECT_TRUE(was_received);
  EXPECT_EQ(attempts, 2);
  EXPECT_EQ(to_.file_in(*pulled, "a"), from_.file_in(image_, "a"));
}

// What came first is not what comes again: the layer received from both is thrown away.
TEST_F(StreamedPull, ADownloadThatStartsAnewWithOtherBytesIsReceivedAgain) {
  int attempts = 0;
  answer = [&](net::Request&, net::ResponseWriter& w) {
    ++attempts;
    if (attempts == 1) {
      std::string other = gzipped(layer_tar({{"a", random_bytes(3'000'000)}}));
      send_part(w, 0, std::string_view(other).substr(0, 1'500'000));
    } else {
      EXPECT_TRUE(w.send(200, "application/octet-stream", blob_));  // no ranges here
    }
    return true;
  };
  const auto pulled = pull();
  ASSERT_TRUE(pulled) << message_of(pulled);
  EXPECT_EQ(attempts, 2);
  EXPECT_EQ(to_.file_in(*pulled, "a"), from_.file_in(image_, "a"));
}

TEST_F(StreamedPull, ACancelledOneEndsAndIsContinued) {
  std::promise<void> ended;
  on_sent_ = [this, end = ended.get_future().share()] {
    EXPECT_TRUE(wait_for([&] { return downloaded() > 0; }));
    const CancelSource cancel = cancel_;
    cancel.cancel();
    end.wait();  // a connection that breaks off would be resumed at once
  };
  std::string range;
  answer = [&](net::Request& request, net::ResponseWriter& w) {
    range = request.headers.get("Range");
    if (!range.empty()) return false;
    send_part(w, 0, std::string_view(blob_).substr(0, 2'000'000));
    return true;
  };
  EXPECT_EQ(pull().error().code(), Code::kCancelled);
  ended.set_value();
  EXPECT_EQ(received(), 0u);
  const uint64_t kept = downloaded();
  cancel_ = CancelSource();
  const auto pulled = pull();
  ASSERT_TRUE(pulled) << message_of(pulled);
  EXPECT_EQ(range, cat("bytes=", kept, "-"));
  EXPECT_EQ(to_.file_in(*pulled, "a"), from_.file_in(image_, "a"));
}

TEST_F(StreamedPull, ALayerThatDoesNotComeKeepsNobodyWaiting) {
  std::promise<void> stalled;
  std::promise<void> loaded;
  on_sent_ = [&] {
    stalled.set_value();
    loaded.get_future().wait();
  };
  int attempts = 0;
  answer = [&](net::Request&, net::ResponseWriter& w) {
    if (++attempts > 1) return false;
    send_part(w, 0, std::string_view(blob_).substr(0, 100));
    return true;
  };
  auto pulled = std::async(std::launch::async, [&] { return pull(); });
  stalled.get_future().wait();
  EXPECT_TRUE(to_.load(from_.save({"app"})));
  loaded.set_value();
  const auto image = pulled.get();
  ASSERT_TRUE(image) << message_of(image);
  EXPECT_EQ(to_.file_in(*image, "a"), from_.file_in(image_, "a"));
}

TEST_F(StreamedPull, ARefusedLayerEndsTheDownload) {
  LayerTar tar;
  tar.file("../evil", "x");
  tar.file("a", random_bytes(3'000'000));
  const std::string bytes = tar.take();
  StringSource source(bytes);
  const auto lease = from_.lease();
  const NewLayer layer = *from_->add_layer(source, *lease, CompressForm{});
  oci::ImageConfig config;
  config.platform = oci::Platform::host();
  config.diff_ids = {layer.diff_id};
  const auto manifest = *from_->write_image(config, {layer.descriptor}, *lease);
  publish(registry_, from_, manifest, "app", "1");
  layer_ = layer.descriptor;
  blob_ = registry_.blobs["app"][layer_.digest.str()];
  std::promise<void> refused;
  on_sent_ = [end = refused.get_future().share()] { end.wait(); };
  int attempts = 0;
  answer = [&](net::Request&, net::ResponseWriter& w) {
    ++attempts;
    send_part(w, 0, std::string_view(blob_).substr(0, 2'000'000));
    return true;
  };
  const auto pulled = pull();
  refused.set_value();
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code(), Code::kInvalidArgument) << message_of(pulled);
  EXPECT_EQ(attempts, 1);
}

TEST_F(StreamedPull, ALayerThatExpandsBeyondItsLimitIsRefused) {
  to_.set_layer_limit(1'000'000);
  const auto pulled = pull();
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code(), Code::kResourceExhausted);
  EXPECT_NE(message_of(pulled).find("expands to more than 1000000 bytes"), std::string::npos);
  EXPECT_TRUE(to_.snapshots().empty());
  EXPECT_TRUE(to_.names().empty());
}

}  // namespace
}  // namespace skiff::images
