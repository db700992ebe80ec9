// Pulls from and pushes to the registry of the same process.
#include <sys/stat.h>

#include "content/layout.h"
#include "content/test_links.h"
#include "images/parts.h"
#include "images/test_publish.h"
#include "oci/distribution.h"

namespace skiff::images {
namespace {

class Near : public testing::Test {
 protected:
  Near() {
    registry_.instead = [this](net::Request& r, net::ResponseWriter& w) { return link(r, w); };
    to_->set_near_registry({.address = registry_.host(), .tickets = &tickets_});
  }

  // A registry that redeems tickets: its content is that of `from_`.
  bool link(net::Request& request, net::ResponseWriter& w) {
    const std::string word = request.headers.get(oci::kTicketField);
    if (word.empty()) return false;
    const bool is_push = request.method == "POST";
    const std::string named =
        is_push ? request.query.get("mount") : std::string(split_last(request.path, '/')->second);
    const oci::Digest digest = oci::Digest::parse(named).value();
    content::ContentStore* store = tickets_.redeem(word, digest);
    EXPECT_EQ(store, &to_->content());
    if (!is_push) {
      const auto linked = store->link_from(from_->content(), digest);
      EXPECT_TRUE(linked || linked.error().sys_errno() == EMLINK) << message_of(linked);
      return false;
    }
    EXPECT_TRUE(from_->content().link_from(*store, digest));
    EXPECT_TRUE(w.send(201, "", ""));
    return true;
  }
  ProgressSink note() {
    return [this](const ProgressEvent& event) { said_.insert(event.status); };
  }
  nlink_t links_of(const oci::Digest& digest) {
    struct stat st{};
    EXPECT_EQ(::stat(content::Layout(to_.root() / "content").blob(digest).c_str(), &st), 0);
    return st.st_nlink;
  }
  int blobs_sent() {
    return static_cast<int>(std::ranges::count_if(registry_.asked(), [](const std::string& line) {
      return line.find("/blobs/") != std::string::npos &&
             (line.starts_with("GET ") || line.starts_with("PUT "));
    }));
  }

  content::BlobTickets tickets_;
  TestImages from_;
  TestImages to_;
  std::set<std::string> said_;
  remote::TestRegistry registry_;  // last: its handler uses the rest
};

TEST_F(Near, APullMovesNoBlobBytes) {
  const Image image = from_.make("app", {{{"a", "below"}}, {{"a", "above"}}});
  publish(registry_, from_, image.target, "app", "1");
  const auto pulled =
      to_->pull(registry_.ref("app:1"), {.client = remote::quick_options()}, note(), {});
  ASSERT_TRUE(pulled) << message_of(pulled);
  EXPECT_EQ(blobs_sent(), 0);
  EXPECT_EQ(links_of(image.id), 2u);
  EXPECT_EQ(links_of(image.manifest_doc.layers[0].digest), 2u);
  EXPECT_EQ(to_.file_in(*pulled, "a"), "above");
  EXPECT_TRUE(said_.contains("Pull complete"));
  from_.must_remove("app");
  EXPECT_EQ(to_.file_in(*pulled, "a"), "above");
}

TEST_F(Near, APullOfAFileThatCanHaveNoMoreLinksCopiesIt) {
  const Image image = from_.make("app", {{{"a", "bytes"}}});
  publish(registry_, from_, image.target, "app", "1");
  const oci::Digest layer = image.manifest_doc.layers[0].digest;
  const content::AllLinksTaken links(content::Layout(from_.root() / "content").blob(layer));
  if (!links.all_taken()) GTEST_SKIP() << "files may have more than 70,000 links here";
  const auto pulled =
      to_->pull(registry_.ref("app:1"), {.client = remote::quick_options()}, note(), {});
  ASSERT_TRUE(pulled) << message_of(pulled);
  EXPECT_EQ(links_of(image.id), 2u);
  EXPECT_EQ(links_of(layer), 1u);
  EXPECT_EQ(to_.file_in(*pulled, "a"), "bytes");
}

TEST_F(Near, APullNeedsNoMoreWhatABrokenOffOneLeft) {
  const Image image = from_.make("app", {{{"a", "bytes"}}});
  publish(registry_, from_, image.target, "app", "1");
  const oci::Digest layer = image.manifest_doc.layers[0].digest;
  {
    const auto ingest = to_->content().ingest(ingest_reference(layer));
    ASSERT_TRUE((*ingest)->write("the first bytes"));
  }
  const auto pulled =
      to_->pull(registry_.ref("app:1"), {.client = remote::quick_options()}, note(), {});
  ASSERT_TRUE(pulled) << message_of(pulled);
  EXPECT_EQ((*to_->content().ingest(ingest_reference(layer)))->offset(), 0u);
}

TEST_F(Near, APushMovesNoBlobBytes) {
  const std::string name = cat(registry_.host(), "/app:1");
  const Image image = to_.make(name, {{{"a", "pushed"}}});
  const auto pushed =
      to_->push(registry_.ref("app:1"), {.client = remote::quick_options()}, note(), {});
  ASSERT_TRUE(pushed) << message_of(pushed);
  EXPECT_EQ(blobs_sent(), 0);
  EXPECT_TRUE(said_.contains("Pushed"));
  EXPECT_EQ(links_of(image.manifest_doc.layers[0].digest), 2u);
  EXPECT_TRUE(registry_.manifests["app"].contains("1"));
}

}  // namespace
}  // namespace skiff::images
