// For tests of ADD: a web server of our own.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "builder/build_fixture.h"
#include "codec/base64.h"
#include "codec/hash.h"
#include "net/test_server.h"

namespace skiff::builder {

class Add : public BuildFixture {
 protected:
  void SetUp() override {
    BuildFixture::SetUp();
    server_ = std::make_unique<net::TestServer>([this](net::Request& q, net::ResponseWriter& w) {
      const bool is_private = q.path.starts_with("/private/");
      const std::string shown = cat("basic ", base64_encode("x-access-token:tok"));
      if (is_private && q.headers.get("Authorization") != shown) {
        return w.send(401, "text/plain", "who are you?");
      }
      auto file = read_file(served() / q.path.substr(1));
      if (!file) return w.send(404, "text/plain", "no such file");
      constexpr std::string_view kDate = "Wed, 21 Oct 2015 07:28:00 GMT";
      if (q.path.ends_with(".dated")) {
        w.headers().set("Last-Modified", std::string(kDate));
        if (q.headers.get("If-Modified-Since") == kDate) {
          ++not_modified_;
          return w.send(304, "", "");
        }
        return w.send(200, "application/octet-stream", *file);
      }
      if (q.path.ends_with(".fresh")) {
        w.headers().set("Last-Modified", fresh_);
        EXPECT_EQ(q.headers.get("If-Modified-Since"), "");
        return w.send(200, "application/octet-stream", *file);
      }
      const std::string etag = cat("\"", sha256_hex(*file), "\"");
      w.headers().set("ETag", q.path.ends_with(".weak") ? cat("W/", etag) : etag);
      if (q.headers.get("If-None-Match") == etag) {
        ++not_modified_;
        return w.send(304, "", "");
      }
      w.headers().set("Last-Modified", std::string(kDate));
      return w.send(200, "application/octet-stream", *file);
    });
    std::filesystem::create_directories(served());
  }
  Path served() const { return root() / "served"; }
  std::string url(const std::string& path) const { return server_->url(path); }
  void serve(const std::string& name, const std::string& text) {
    ASSERT_TRUE(write_file(served() / name, text));
  }
  images::Image after(const std::string& lines) { return built(cat("FROM scratch\n", lines)); }
  std::string failure(const std::string& lines) {
    return error_of(request(cat("FROM scratch\n", lines)));
  }

  std::atomic<int> not_modified_ = 0;
  std::string fresh_ = "Sun, 01 Jan 2051 00:00:00 GMT";
  std::unique_ptr<net::TestServer> server_;
};

}  // namespace skiff::builder
