// For tests of this folder: a registry in memory on a loopback port, which records what it is
// asked and lets a test answer any request in its stead.
//
//   TestRegistry registry;
//   registry.blobs["app"][digest] = bytes;
//   registry.instead = [](Request& r, ResponseWriter& w) { return r.method == "PUT" && ...; };
//   ... EXPECT_EQ(registry.asked(), (Lines{"HEAD /v2/app/manifests/1", ...}));
#pragma once

#include <map>
#include <mutex>

#include "content/content_store.h"
#include "net/test_server.h"
#include "remote/registry_client.h"

namespace skiff::remote {

using Lines = std::vector<std::string>;

struct Asked {
  std::string line;  // "GET /v2/app/manifests/1"
  std::string authorization;
  std::string range;
  std::string body;
};

class TestRegistry {
 public:
  explicit TestRegistry(net::ServerOptions options = {})
      : server_([this](net::Request& r, net::ResponseWriter& w) { handle(r, w); },
                std::move(options)) {}

  // By repository, then by digest or tag. Changed only while no request is on its way.
  std::map<std::string, std::map<std::string, std::string>> blobs;
  std::map<std::string, std::map<std::string, std::string>> manifests;
  std::string manifest_type{oci::kMediaTypeManifest};
  // Answers the request and says true, or leaves it to the registry.
  std::function<bool(net::Request&, net::ResponseWriter&)> instead;

  uint16_t port() const { return server_.port(); }
  std::string host() const { return cat("127.0.0.1:", port()); }
  std::string url(std::string_view rest) const { return server_.url(rest); }
  oci::Reference ref(std::string_view rest) const {
    return oci::Reference::parse(cat(host(), "/", rest)).value();
  }

  std::vector<Asked> all_asked() {
    const std::scoped_lock lock(mutex_);
    return asked_;
  }
  Lines asked() {
    Lines lines;
    for (const Asked& one : all_asked()) lines.push_back(one.line);
    return lines;
  }
  void forget_asked() {
    const std::scoped_lock lock(mutex_);
    asked_.clear();
  }

 private:
  void handle(net::Request& request, net::ResponseWriter& w) {
    size_t at = 0;
    {
      const std::scoped_lock lock(mutex_);
      at = asked_.size();
      asked_.push_back({.line = cat(request.method, " ", request.target),
                        .authorization = request.headers.get("Authorization"),
                        .range = request.headers.get("Range"),
                        .body = ""});
    }
    if (instead && instead(request, w)) return;
    const std::string body = read_all(*request.body, size_t{1} << 28U).value_or("");
    const std::scoped_lock lock(mutex_);
    if (at < asked_.size()) asked_[at].body = body;
    // Who has heard enough may be gone.
    [[maybe_unused]] const auto answered = answer(request, body, w);
  }

  Result<> answer(const net::Request& request, const std::string& body, net::ResponseWriter& w) {
    std::string_view path = request.path;
    if (path == "/v2/") return w.send(200, "application/json", "{}");
    path.remove_prefix(std::string_view("/v2/").size());
    if (auto parts = split_last(path, '/')) {
      const auto [rest, name] = *parts;
      if (rest.ends_with("/manifests")) {
        return manifest(request, std::string(rest.substr(0, rest.size() - 10)), std::string(name),
                        body, w);
      }
      if (rest.ends_with("/blobs/uploads")) {
        return upload(request, std::string(rest.substr(0, rest.size() - 14)), body, w);
      }
      if (rest.ends_with("/blobs")) {
        return blob(request, std::string(rest.substr(0, rest.size() - 6)), std::string(name), w);
      }
    }
    return w.send(404, "text/plain", "no such place");
  }

  Result<> manifest(const net::Request& request, const std::string& repository,
                    const std::string& name, const std::string& body, net::ResponseWriter& w) {
    if (request.method == "PUT") {
      manifests[repository][name] = body;
      w.headers().set("Docker-Content-Digest", oci::Digest::of(body).str());
      return w.send(201, "", "");
    }
    const auto found = manifests[repository].find(name);
    if (found == manifests[repository].end()) {
      return w.send(404, "application/json",
                    R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})");
    }
    w.headers().set("Docker-Content-Digest", oci::Digest::of(found->second).str());
    return w.send(200, manifest_type, found->second);
  }

  Result<> blob(const net::Request& request, const std::string& repository,
                const std::string& digest, net::ResponseWriter& w) {
    const auto found = blobs[repository].find(digest);
    if (found == blobs[repository].end()) return w.send(404, "text/plain", "");
    const std::string range = request.headers.get("Range");
    if (range.empty()) return w.send(200, "application/octet-stream", found->second);
    const std::string& bytes = found->second;
    const size_t from = parse_uint(std::string_view(range).substr(6, range.size() - 7)).value();
    w.headers().set("Content-Range", cat("bytes ", from, "-", bytes.size() - 1, "/", bytes.size()));
    return w.send(206, "application/octet-stream", std::string_view(bytes).substr(from));
  }

  Result<> upload(const net::Request& request, const std::string& repository,
                  const std::string& body, net::ResponseWriter& w) {
    const std::string mount = request.query.get("mount");
    if (request.method == "POST" && blobs[request.query.get("from")].contains(mount)) {
      blobs[repository][mount] = blobs[request.query.get("from")][mount];
      return w.send(201, "", "");
    }
    if (request.method == "PUT") {
      partial += body;
      blobs[repository][request.query.get("digest")] = std::exchange(partial, {});
      w.headers().set("Docker-Content-Digest", request.query.get("digest"));
      return w.send(201, "", "");
    }
    if (request.method == "PATCH") partial += body;
    if (!partial.empty()) w.headers().set("Range", cat("0-", partial.size() - 1));
    w.headers().set("Location", cat("/v2/", repository, "/blobs/uploads/session?state=x"));
    return w.send(request.method == "GET" ? 204 : 202, "", "");
  }

 public:
  std::string partial;  // what the open upload session holds

 private:
  std::mutex mutex_;
  std::vector<Asked> asked_;
  net::TestServer server_;  // last: stops before what its handler uses goes
};

// Options that fail fast.
inline ClientOptions quick_options() {
  ClientOptions options;
  options.retry_delay = std::chrono::milliseconds(1);
  return options;
}

// A content store of its own, for what is downloaded and uploaded.
class TestStore {
 public:
  TestStore() : dir_(*TempDir::make("/tmp", "skiff-remote-")) {
    store_ = content::open_content_store(dir_.path()).value();
  }
  content::ContentStore& operator*() { return *store_; }
  content::ContentStore* operator->() { return store_.get(); }
  const Path& dir() const { return dir_.path(); }

  oci::Descriptor add(std::string_view bytes) {
    oci::Descriptor blob = descriptor(bytes);
    EXPECT_EQ(content::write_blob(*store_, bytes).value(), blob.digest);
    return blob;
  }
  static oci::Descriptor descriptor(std::string_view bytes) {
    oci::Descriptor blob;
    blob.media_type = oci::kMediaTypeLayer;
    blob.digest = oci::Digest::of(bytes);
    blob.size = bytes.size();
    return blob;
  }

 private:
  TempDir dir_;
  std::unique_ptr<content::ContentStore> store_;
};

// Bytes that no two places of which look alike.
inline std::string test_bytes(size_t size) {
  std::string bytes;
  for (uint64_t i = 0; bytes.size() < size; ++i) bytes += cat(i, " ");
  bytes.resize(size);
  return bytes;
}

inline std::string message_of(const auto& result) {
  return result ? std::string("(no error)") : result.error().message();
}

}  // namespace skiff::remote
