#include "net/live_tls.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <vector>

#include "net/test_server.h"
#include "net/test_tls.h"

namespace skiff::net {
namespace {

class LiveCertificates : public ::testing::Test {
 protected:
  void replace(const std::string& name) { files_ = make_certificate(dir_.path(), name); }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-net-");
  TlsFiles files_ = make_certificate(dir_.path(), "first");
};

TEST_F(LiveCertificates, AreLoadedAgainWhenTheirFilesChange) {
  auto tls = LiveTls::load(files_, std::chrono::milliseconds(0));
  ASSERT_TRUE(tls) << tls.error().message();
  const auto first = (*tls)->current();
  EXPECT_EQ((*tls)->current(), first);
  replace("second");
  EXPECT_NE((*tls)->current(), first);
}

TEST_F(LiveCertificates, AreNotLookedAtForEachHandshake) {
  auto tls = LiveTls::load(files_, std::chrono::hours(1));
  const auto first = (*tls)->current();
  replace("second");
  EXPECT_EQ((*tls)->current(), first);
  ASSERT_TRUE((*tls)->reload());
  EXPECT_NE((*tls)->current(), first);
}

TEST_F(LiveCertificates, StayWhileTheNewOnesAreBroken) {
  auto tls = LiveTls::load(files_, std::chrono::milliseconds(0));
  const auto first = (*tls)->current();
  const std::string key = *read_file(files_.key);
  ASSERT_TRUE(write_file(files_.key, "half of a k"));
  EXPECT_EQ((*tls)->current(), first);
  EXPECT_FALSE((*tls)->reload());
  EXPECT_EQ((*tls)->current(), first);
  ASSERT_TRUE(write_file(files_.key, key));
  EXPECT_NE((*tls)->current(), first);
}

TEST_F(LiveCertificates, OfAnotherKeyAreBroken) {
  auto tls = LiveTls::load(files_, std::chrono::milliseconds(0));
  const auto first = (*tls)->current();
  const std::string key = *read_file(files_.key);
  replace("second");
  ASSERT_TRUE(write_file(files_.key, key));  // a certificate without its key
  EXPECT_EQ((*tls)->current(), first);
}

void ok(Request&, ResponseWriter& w) { EXPECT_TRUE(w.send(200, "", "ok")); }

constexpr std::string_view kLiveGet = "GET / HTTP/1.1\r\nHost:\r\n\r\n";

TEST_F(LiveCertificates, OldConnectionsLiveOnUnderTheirs) {
  ServerOptions options;
  options.tls = files_;
  TestServer server(ok, options);
  TlsClient old(server.port());
  EXPECT_EQ(old.server_name(), "first");
  old.write(kLiveGet);
  EXPECT_TRUE(old.read().starts_with("HTTP/1.1 200"));
  replace("second");
  ASSERT_TRUE(server.reload_certificate());
  EXPECT_EQ(TlsClient(server.port()).server_name(), "second");
  old.write(kLiveGet);
  EXPECT_TRUE(old.read().starts_with("HTTP/1.1 200"));

  ASSERT_TRUE(write_file(files_.certificate, "rubbish"));
  EXPECT_FALSE(server.reload_certificate());
  TlsClient later(server.port());
  EXPECT_EQ(later.server_name(), "second");
  later.write(kLiveGet);
  EXPECT_TRUE(later.read().starts_with("HTTP/1.1 200"));
}

TEST_F(LiveCertificates, WithoutTlsThereIsNothingToLoad) {
  TestServer server(ok);
  EXPECT_TRUE(server.reload_certificate());
}

TEST_F(LiveCertificates, OfClientsAreKnownToTheHandler) {
  const TempDir theirs = *TempDir::make("/tmp", "skiff-net-");
  const TlsFiles client = make_certificate(theirs.path(), "builder");
  ServerOptions options;
  options.tls = files_;
  options.tls->client_ca = client.certificate;
  TestServer server(
      [](Request& request, ResponseWriter& w) {
        ASSERT_NE(request.certificate, nullptr);
        EXPECT_TRUE(w.send(
            200, "",
            cat(request.certificate->subject, " ", request.certificate->fingerprint.size(), "\n")));
      },
      options);
  TlsClient known(server.port(), &client);
  known.write(kLiveGet);
  EXPECT_TRUE(known.read().ends_with("CN=builder 64\n"));
}

// It waits parked, and makes room.
TEST_F(LiveCertificates, AHalfHandshakeHoldsNoPlace) {
  ServerOptions options;
  options.tls = files_;
  options.max_connections = 4;
  options.header_timeout = std::chrono::hours(1);
  TestServer server(ok, options);
  std::vector<UniqueFd> halves;
  for (size_t i = 0; i < options.max_connections; ++i) {
    halves.push_back(*connect_tcp("127.0.0.1", server.port()));
    ASSERT_EQ(::send(halves.back().get(), "\x16\x03", 2, 0), 2);
  }
  TlsClient whole(server.port());
  whole.write(kLiveGet);
  EXPECT_TRUE(whole.read().starts_with("HTTP/1.1 200"));
  const auto is_closed = [](const UniqueFd& half) {
    char byte = 0;
    return ::recv(half.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
  };
  EXPECT_EQ(std::ranges::count_if(halves, is_closed), 1);
}

TEST_F(LiveCertificates, AHandshakeThatDoesNotEndIsGivenUp) {
  for (const bool is_quick : {false, true}) {
    ServerOptions options;
    options.tls = files_;
    options.header_timeout = std::chrono::milliseconds(100);
    if (is_quick) options.quick = [](const Request&) { return true; };
    TestServer server(ok, options);
    const UniqueFd half = *connect_tcp("127.0.0.1", server.port());
    ASSERT_EQ(::send(half.get(), "\x16\x03", 2, 0), 2);
    char byte = 0;
    EXPECT_EQ(::recv(half.get(), &byte, 1, 0), 0);
  }
}

// Others know the socket by its number, which a new connection would get where it were closed.
TEST_F(LiveCertificates, OfAFailedHandshakeTheSocketStays) {
  const auto tls = TlsContext::load(files_);
  ASSERT_TRUE(tls);
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  const auto stream = tls->accept(ours);
  ASSERT_TRUE(stream);
  EXPECT_FALSE(*(*stream)->shake_hands());  // nothing has come yet
  ASSERT_EQ(::write(theirs.get(), kLiveGet.data(), kLiveGet.size()),
            static_cast<ssize_t>(kLiveGet.size()));
  EXPECT_FALSE((*stream)->shake_hands());
  EXPECT_GE(::fcntl(ends[0], F_GETFD), 0);
}

}  // namespace
}  // namespace skiff::net
