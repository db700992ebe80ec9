#include "net/message_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace skiff::net {
namespace {

// Gives the text in pieces of at most `step` bytes.
class Dribble : public Source {
 public:
  Dribble(std::string_view text, size_t step) : rest_(text), step_(step) {}
  Result<size_t> read(std::span<char> buffer) override {
    size_t n = std::min({buffer.size(), rest_.size(), step_});
    std::memcpy(buffer.data(), rest_.data(), n);
    rest_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view rest_;
  size_t step_;
};

std::string body_of(MessageReader& reader, Source& stream) {
  std::string out;
  char buffer[7];
  for (;;) {
    auto n = reader.read_body(stream, buffer);
    if (!n) return "error: " + n.error().message();
    if (*n == 0) return out;
    out.append(buffer, *n);
  }
}

TEST(MessageReader, PipelinedRequestsComeOutWholeWhateverThePieces) {
  constexpr std::string_view kText =
      "POST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world"
      "\r\nPUT /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;ext=1\r\nhello\r\n13\r\n, many more letters\r\n0\r\nTrailer: x\r\n\r\n"
      "GET /c HTTP/1.0\r\n\r\n";
  for (size_t step : {1, 2, 3, 7, 64, 4096}) {
    Dribble stream(kText, step);
    MessageReader reader(MessageReader::Role::kRequests);
    auto head = reader.read_head(stream);
    ASSERT_TRUE(head && *head) << step;
    EXPECT_EQ((*head)->target, "/a?b");
    EXPECT_EQ(body_of(reader, stream), "hello world");
    head = reader.read_head(stream);
    ASSERT_TRUE(head && *head) << step;
    EXPECT_TRUE((*head)->chunked);
    EXPECT_EQ(body_of(reader, stream), "hello, many more letters");
    head = reader.read_head(stream);
    ASSERT_TRUE(head && *head) << step;
    EXPECT_EQ((*head)->version, 10);
    EXPECT_FALSE((*head)->keep_alive);
    EXPECT_EQ((*head)->content_length, 0u);
    EXPECT_TRUE(reader.body_finished());
    head = reader.read_head(stream);
    ASSERT_TRUE(head);
    EXPECT_FALSE(*head);
  }
}

TEST(MessageReader, AmbiguousAndMalformedHeadsAreRefused) {
  constexpr std::string_view kBad[] = {
      "GET / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
      "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
      "GET / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
      "GET / HTTP/1.1\r\nContent-Length: 3, 4\r\n\r\n",
      "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
      "GET / HTTP/1.1\r\nContent-Length: 0x10\r\n\r\n",
      "GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
      "GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
      "GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
      "GET / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n",
      "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
      "GET / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n",
      "GET / HTTP/1.1\r\n Leading: x\r\n\r\n",
      "GET / HTTP/1.1\r\nNo colon\r\n\r\n",
      "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
      "GET /a b HTTP/1.1\r\n\r\n",
      "GET /\r\n\r\n",
      "GET / HTTX/1.1\r\n\r\n",
      "\x16\x03\x01\x02garbage that is TLS\r\n\r\n",
  };
  for (std::string_view text : kBad) {
    Dribble stream(text, 4096);
    MessageReader reader(MessageReader::Role::kRequests);
    auto head = reader.read_head(stream);
    ASSERT_FALSE(head) << text;
    EXPECT_EQ(head.error().code(), Code::kInvalidArgument) << head.error().message();
  }
}

TEST(MessageReader, HeadsAreLimited) {
  std::string text = "GET / HTTP/1.1\r\nA: " + std::string(kMaxHead, 'x') + "\r\n\r\n";
  Dribble stream(text, 4096);
  MessageReader reader(MessageReader::Role::kRequests);
  EXPECT_EQ(reader.read_head(stream).error().code(), Code::kResourceExhausted);
  std::string endless(kMaxHead * 2, 'G');
  Dribble second(endless, 4096);
  MessageReader other(MessageReader::Role::kRequests);
  EXPECT_FALSE(other.read_head(second));
}

TEST(MessageReader, BadChunksAreRefused) {
  for (std::string_view chunk :
       {"x\r\n", "-1\r\nx", "5\r\nhelloX\r\n", "FFFFFFFFFFFFFFFFF\r\n", "1\nx", "5\r\nhel"}) {
    std::string text = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    text.append(chunk);
    Dribble stream(text, 4096);
    MessageReader reader(MessageReader::Role::kRequests);
    ASSERT_TRUE(reader.read_head(stream));
    EXPECT_TRUE(body_of(reader, stream).starts_with("error: ")) << chunk;
  }
}

TEST(MessageReader, AnEmptyChunkedBodyEndsWhateverThePieces) {
  constexpr std::string_view kText =
      "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /next HTTP/1.1\r\n\r\n";
  for (size_t step : {1, 2, 3, 4, 5, 4096}) {
    Dribble stream(kText, step);
    MessageReader reader(MessageReader::Role::kRequests);
    ASSERT_TRUE(reader.read_head(stream));
    EXPECT_EQ(body_of(reader, stream), "") << step;
    auto next = reader.read_head(stream);
    ASSERT_TRUE(next && *next) << step;
    EXPECT_EQ((*next)->target, "/next");
  }
}

TEST(MessageReader, AnEndlessChunkHeaderIsRefused) {
  std::string text =
      "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;" + std::string(kMaxHead * 4, 'x');
  Dribble stream(text, 4096);
  MessageReader reader(MessageReader::Role::kRequests);
  ASSERT_TRUE(reader.read_head(stream));
  EXPECT_TRUE(body_of(reader, stream).starts_with("error: "));
}

TEST(MessageReader, ResponsesEndByLengthChunksOrTheConnection) {
  constexpr std::string_view kText =
      "HTTP/1.1 100 Continue\r\n\r\n"
      "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"
      "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nab"
      "HTTP/1.1 200 OK\r\n\r\nuntil the end";
  Dribble stream(kText, 5);
  MessageReader reader(MessageReader::Role::kResponses);
  EXPECT_EQ((*reader.read_head(stream))->status, 100);
  EXPECT_EQ((*reader.read_head(stream))->status, 204);
  EXPECT_TRUE(reader.body_finished());
  EXPECT_EQ((*reader.read_head(stream))->status, 200);
  EXPECT_EQ(body_of(reader, stream), "ab");
  EXPECT_FALSE((*reader.read_head(stream))->keep_alive);
  EXPECT_EQ(body_of(reader, stream), "until the end");
}

TEST(MessageReader, ATruncatedBodyIsAnError) {
  Dribble stream("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", 4096);
  MessageReader reader(MessageReader::Role::kResponses);
  ASSERT_TRUE(reader.read_head(stream));
  EXPECT_NE(body_of(reader, stream).find("6 bytes before the end"), std::string::npos);
}

}  // namespace
}  // namespace skiff::net
