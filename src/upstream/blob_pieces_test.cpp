#include "upstream/blob_pieces.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace skiff::upstream {
namespace {

class Text : public registry::BlobSource {
 public:
  explicit Text(std::string text) : text_(std::move(text)) {}
  uint64_t size() const override { return text_.size(); }
  Result<> read(uint64_t offset, uint64_t size, const Take& take) override {
    ++asked;
    const std::string_view part = std::string_view(text_).substr(offset, size);
    TRY(take(part.substr(0, part.size() / 2)));
    return fails ? Error(Code::kUnavailable, "gone") : take(part.substr(part.size() / 2));
  }
  int asked = 0;
  bool fails = false;

 private:
  const std::string text_;
};

std::string read_from(BlobPieces& pieces, uint64_t offset) {
  std::string all;
  std::string buffer(100'000, '\0');
  for (;;) {
    const auto n = pieces.read(offset + all.size(), buffer);
    EXPECT_TRUE(n) << n.error().message();
    if (n.value_or(0) == 0) return all;
    all += buffer.substr(0, *n);
  }
}

TEST(BlobPieces, AreReadFromAnywhereFewAtATime) {
  const std::string text = random_bytes(9'000'001);
  Text source(text);
  BlobPieces pieces(source);
  EXPECT_TRUE(read_from(pieces, 0) == text);
  EXPECT_EQ(source.asked, 3);
  EXPECT_TRUE(read_from(pieces, 5'000'000) == text.substr(5'000'000));
  EXPECT_EQ(read_from(pieces, text.size()), "");
}

TEST(BlobPieces, AReadThatFailedIsMadeAgain) {
  Text source("0123456789");
  BlobPieces pieces(source);
  std::string buffer(10, '\0');
  source.fails = true;
  EXPECT_EQ(pieces.read(0, buffer).error().code(), Code::kUnavailable);
  source.fails = false;
  EXPECT_EQ(read_from(pieces, 0), "0123456789");
}

}  // namespace
}  // namespace skiff::upstream
