// The client's end of HTTP/2 against a peer that is written out frame by frame.
#include "buildkit/http2_connection.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "base/strings.h"
#include "buildkit/test_http2.h"
#include "sys/unix_socket.h"

namespace skiff::buildkit {
namespace {

using namespace http2;

std::string number(uint32_t value, size_t size = 4) {
  std::string out;
  append_number(out, value, size);
  return out;
}

std::string setting(uint16_t name, uint32_t value) { return number(name, 2) + number(value); }

std::string headers(std::initializer_list<Http2Connection::Field> fields) {
  std::string block;
  for (const auto& [name, value] : fields) append_header(block, name, value);
  return block;
}

class Http2Test : public testing::Test {
 protected:
  void SetUp() override {
    auto pair = *sys::socket_pair(SOCK_STREAM);
    peer_ = std::move(pair.first);
    connection_ = std::make_unique<Http2Connection>(std::move(pair.second));
    constexpr std::string_view kGreeting = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    ASSERT_EQ(receive(kGreeting.size()), kGreeting);
    EXPECT_EQ(next().type, kSettings);
    EXPECT_EQ(next().type, kWindowUpdate);
    say(kSettings, 0, 0, "");  // comes first, by the protocol
    say(kSettings, kAck, 0, "");
  }

  std::string receive(size_t size) {
    std::string out(size, '\0');
    const ssize_t n = ::recv(peer_.get(), out.data(), size, MSG_WAITALL);
    EXPECT_EQ(n, static_cast<ssize_t>(size));
    return out;
  }
  // What we have sent.
  struct Sent {
    uint8_t type = 0;
    uint8_t flags = 0;
    uint32_t id = 0;
    std::string payload;
  };
  Sent next_of_all() {
    const std::string head = receive(kHead);
    const Frame frame = frame_at(head, 0);
    return {frame.type, frame.flags, frame.id, receive(number_at(head, 0, 3))};
  }
  // But for what only says that our settings have come.
  Sent next() {
    for (;;) {
      Sent sent = next_of_all();
      if (sent.type != kSettings || sent.flags != kAck) return sent;
    }
  }
  void say(uint8_t type, uint8_t flags, uint32_t id, std::string_view payload) {
    std::string bytes;
    append_frame(bytes, type, flags, id, payload);
    ASSERT_EQ(::send(peer_.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }
  // With an answer that has begun.
  std::shared_ptr<Http2Connection::Stream> open() {
    auto stream = request();
    say(kHeaders, kEndHeaders, last_id_, headers({{":status", "200"}}));
    return stream;
  }
  std::shared_ptr<Http2Connection::Stream> request() {
    auto stream = connection_->open({{":path", "/a"}});
    EXPECT_TRUE(stream);
    const Sent sent = next();
    EXPECT_EQ(sent.type, kHeaders);
    EXPECT_EQ(sent.flags, kEndHeaders);
    last_id_ = sent.id;
    return *stream;
  }
  // All that comes, to the end.
  std::string read(Http2Connection::Stream& stream) {
    std::string out;
    while (connection_->read(stream, out)) {
    }
    return out;
  }

  UniqueFd peer_;
  uint32_t last_id_ = 0;
  std::unique_ptr<Http2Connection> connection_;
};

TEST_F(Http2Test, AnAnswerHasHeadersBytesAndTrailers) {
  const auto stream = request();
  say(kHeaders, kEndHeaders, 1, headers({{":status", "200"}}));
  say(kData, 0, 1, "one ");
  say(kData, kPadded, 1, std::string("\x02two\0\0", 6));
  say(0x77, 0, 1, "of no meaning");
  say(kHeaders, kEndStream, 1, headers({{"a", "b"}}));
  say(kContinuation, kEndHeaders, 1, headers({{"c", "d"}}));
  EXPECT_EQ(read(*stream), "one two");
  EXPECT_EQ(stream->headers(), (Http2Connection::Fields{{":status", "200"}}));
  EXPECT_EQ(stream->trailers(), (Http2Connection::Fields{{"a", "b"}, {"c", "d"}}));
  EXPECT_FALSE(stream->failure());
  // The peer has ended it before us.
  const Sent reset = next();
  EXPECT_EQ(reset.type, kReset);
  EXPECT_EQ(reset.payload, number(kNoError));
}

TEST_F(Http2Test, PingsAndSettingsAreAnswered) {
  const auto stream = open();
  say(kSettings, 0, 0, setting(kMaxFrame, 20000));
  say(kPing, 0, 0, "12345678");
  say(kData, kEndStream, 1, "x");
  EXPECT_EQ(read(*stream), "x");
  EXPECT_EQ(next_of_all().type, kSettings);
  EXPECT_EQ(next_of_all().type, kSettings);
  const Sent pong = next();
  EXPECT_EQ(pong.type, kPing);
  EXPECT_EQ(pong.flags, kAck);
  EXPECT_EQ(pong.payload, "12345678");
}

TEST_F(Http2Test, NoMoreIsWrittenThanThePeerTakes) {
  say(kSettings, 0, 0, setting(kInitialWindow, 5));
  const auto refused = request();
  say(kHeaders, kEndStream | kEndHeaders, 1, headers({{":status", "200"}}));
  read(*refused);  // sees the settings
  while (next().type != kReset) {
  }
  const auto stream = open();
  std::jthread writer([&] { EXPECT_TRUE(connection_->write(*stream, "0123456789")); });
  EXPECT_EQ(next().payload, "01234");
  say(kWindowUpdate, 0, 3, number(3));
  EXPECT_EQ(next().payload, "567");
  say(kSettings, 0, 0, setting(kInitialWindow, 100));
  EXPECT_EQ(next().payload, "89");
}

TEST_F(Http2Test, WhoReadsMuchLetsMoreCome) {
  const auto stream = open();
  const std::string piece(16384, 'x');
  std::jthread reader([&] { EXPECT_EQ(read(*stream).size(), 2 * Http2Connection::kReadAhead); });
  std::map<uint32_t, uint64_t> windows;
  std::jthread peer([&] {
    while (windows[0] == 0 || windows[1] == 0) {
      const Sent sent = next();
      EXPECT_EQ(sent.type, kWindowUpdate);
      windows[sent.id] += number_at(sent.payload, 0, 4);
    }
  });
  uint64_t left = 2 * Http2Connection::kReadAhead;
  for (; left > Http2Connection::kReadAhead; left -= piece.size()) say(kData, 0, 1, piece);
  peer.join();
  EXPECT_GE(windows[1], Http2Connection::kReadAhead / 2);
  for (; left > 0; left -= piece.size()) {
    say(kData, left == piece.size() ? kEndStream : 0, 1, piece);
  }
}

TEST_F(Http2Test, WhoeverWaitsGetsWhatIsHis) {
  const auto first = open();
  const auto second = open();
  std::jthread other([&] { EXPECT_EQ(read(*second), "second"); });
  std::jthread one([&] { EXPECT_EQ(read(*first), "first"); });
  say(kData, 0, 3, "sec");
  say(kData, kEndStream, 1, "first");
  one.join();
  say(kData, kEndStream, 3, "ond");
}

TEST_F(Http2Test, ThousandsOfSmallPiecesCome) {
  const auto stream = open();
  std::jthread peer([&] {
    for (int i = 0; i < 5000; ++i) say(kData, 0, 1, "0123456789");
    say(kData, kEndStream, 1, {});
  });
  EXPECT_EQ(read(*stream).size(), 50000U);
}

TEST_F(Http2Test, ACancelledStreamIsReadNoLonger) {
  const auto stream = open();
  std::jthread reader([&] { EXPECT_EQ(read(*stream), ""); });
  connection_->cancel(*stream);
  reader.join();
  EXPECT_EQ(stream->failure()->code(), Code::kCancelled);
  const Sent reset = next();
  EXPECT_EQ(reset.type, kReset);
  EXPECT_EQ(reset.payload, number(kCancelled));
  EXPECT_FALSE(connection_->write(*stream, "x"));
  // What was under way is of no consequence.
  say(kData, 0, 1, "late");
  const auto another = open();
  say(kData, kEndStream, 3, "x");
  EXPECT_EQ(read(*another), "x");
}

TEST_F(Http2Test, AResetEndsItsStreamAlone) {
  const auto first = open();
  const auto second = open();
  say(kReset, 0, 1, number(kRefused));
  say(kData, kEndStream, 3, "x");
  EXPECT_EQ(read(*second), "x");
  EXPECT_EQ(read(*first), "");
  EXPECT_EQ(first->failure()->code(), Code::kUnavailable);
  EXPECT_TRUE(connection_->alive());
}

TEST_F(Http2Test, APeerThatSaysGoodbyeEndsWhatItHasBegun) {
  const auto first = open();
  const auto second = open();
  say(kGoodbye, 0, 0, number(1) + number(kNoError));
  EXPECT_EQ(read(*second), "");
  EXPECT_EQ(second->failure()->code(), Code::kUnavailable);
  EXPECT_FALSE(connection_->open({}));
  say(kData, kEndStream, 1, "x");
  EXPECT_EQ(read(*first), "x");
}

TEST_F(Http2Test, APeerThatGoesTakesItsStreamsAlong) {
  const auto stream = open();
  peer_.reset();
  EXPECT_EQ(read(*stream), "");
  EXPECT_EQ(stream->failure()->code(), Code::kUnavailable);
  EXPECT_FALSE(connection_->alive());
  EXPECT_FALSE(connection_->open({}));
}

struct Nonsense {
  const char* name;
  uint8_t type;
  uint8_t flags;
  uint32_t id;
  std::string payload;
};

class Http2NonsenseTest : public Http2Test, public testing::WithParamInterface<Nonsense> {};

TEST_P(Http2NonsenseTest, EndsTheConnection) {
  const auto stream = open();
  const Nonsense& said = GetParam();
  say(said.type, said.flags, said.id, said.payload);
  if (said.type == kHeaders && said.flags == 0) say(kPing, 0, 0, "12345678");
  read(*stream);
  ASSERT_TRUE(stream->failure());
  EXPECT_EQ(stream->failure()->code(), Code::kInvalidArgument);
  EXPECT_FALSE(connection_->alive());
}

INSTANTIATE_TEST_SUITE_P(
    All, Http2NonsenseTest,
    testing::Values(Nonsense{"LargeFrame", kData, 0, 1, std::string(16385, 'x')},
                    Nonsense{"LongPadding", kData, kPadded, 1, "\x05x"},
                    Nonsense{"HeadersThatAreNone", kHeaders, kEndHeaders, 1, "\x80"},
                    Nonsense{"HeadersWithinHeaders", kHeaders, 0, 1, ""},
                    Nonsense{"ContinuationOfNothing", kContinuation, kEndHeaders, 1, ""},
                    Nonsense{"HeadersCutShort", kHeaders, kEndHeaders | kPriority, 1, "abc"},
                    Nonsense{"Push", kPushPromise, kEndHeaders, 1, "abcd"},
                    Nonsense{"HalfASetting", kSettings, 0, 0, "abc"},
                    Nonsense{"LargeWindow", kSettings, 0, 0, setting(kInitialWindow, 0x80000000U)},
                    Nonsense{"SmallFrames", kSettings, 0, 0, setting(kMaxFrame, 100)},
                    Nonsense{"WindowOverflow", kWindowUpdate, 0, 0, number(0x7fffffff)},
                    Nonsense{"ShortWindow", kWindowUpdate, 0, 1, "abc"},
                    Nonsense{"ShortPing", kPing, 0, 0, ""},
                    Nonsense{"ShortReset", kReset, 0, 1, ""},
                    Nonsense{"ShortGoodbye", kGoodbye, 0, 0, ""}),
    [](const auto& test) { return test.param.name; });

TEST_F(Http2Test, WhatSendsMoreThanItMayEndsAlone) {
  const auto stream = open();
  const auto other = open();
  std::jthread peer([&] {
    const std::string piece(16384, 'x');
    for (uint64_t n = 0; n <= Http2Connection::kReadAhead; n += piece.size()) {
      say(kData, 0, 1, piece);
    }
    say(kData, kEndStream, 3, "x");
  });
  EXPECT_EQ(read(*other), "x");  // nobody reads the first one
  read(*stream);
  EXPECT_TRUE(stream->failure());
}

}  // namespace
}  // namespace skiff::buildkit
