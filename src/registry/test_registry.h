// For tests of this folder: a registry in a root of its own, served on a loopback port, and
// short words for what a client does.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/strings.h"
#include "db/test_postgres.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "oci/manifest.h"
#include "registry/registry.h"
#include "registry/schema.h"

namespace skiff::registry {

struct Reply {
  int status = 0;
  net::Headers headers;
  std::string body;

  json::Value json() const { return json::parse(body).value_or(json::Value()); }
  // The code of the first error.
  std::string error() const {
    json::Value parsed = json();
    return parsed.array("errors").empty() ? "" : parsed.array("errors").front().string("code");
  }
  std::string header(std::string_view name) const { return headers.get(name); }
};

using Fields = std::vector<std::pair<std::string, std::string>>;

// One client with its connection.
class Client {
 public:
  explicit Client(uint16_t port)
      : http_(net::make_plain_stream(*net::connect_tcp("127.0.0.1", port))) {}

  Reply call(const std::string& method, const std::string& target, std::string body = "",
             const Fields& fields = {}) {
    net::ClientRequest request{.method = method, .target = target, .body = std::move(body)};
    request.headers.set("Host", "127.0.0.1");
    for (const auto& [name, value] : fields) request.headers.add(name, value);
    auto response = http_.send(request);
    EXPECT_TRUE(response) << method << " " << target << ": " << response.error().message();
    if (!response) return {};
    return {response->status, response->headers, *read_all(*response->body, size_t{64} << 20U)};
  }
  Reply get(const std::string& target, const Fields& fields = {}) {
    return call("GET", target, "", fields);
  }
  Reply head(const std::string& target) { return call("HEAD", target); }
  Reply remove(const std::string& target) { return call("DELETE", target); }

  // An upload's Location.
  std::string start(const std::string& repository) {
    Reply reply = call("POST", cat("/v2/", repository, "/blobs/uploads/"));
    EXPECT_EQ(reply.status, 202);
    return reply.header("Location");
  }
  // At once; returns the digest.
  std::string push_blob(const std::string& repository, const std::string& bytes) {
    std::string digest = oci::Digest::of(bytes).str();
    Reply reply = call("POST", cat("/v2/", repository, "/blobs/uploads/?digest=", digest), bytes);
    EXPECT_EQ(reply.status, 201) << reply.body;
    return digest;
  }
  Reply put_manifest(const std::string& repository, const std::string& reference,
                     const std::string& bytes, std::string_view type = oci::kMediaTypeManifest,
                     Fields fields = {}) {
    fields.emplace_back("Content-Type", std::string(type));
    return call("PUT", cat("/v2/", repository, "/manifests/", reference), bytes, fields);
  }

 private:
  net::HttpClient http_;
};

inline std::string blob_path(const std::string& repository, const std::string& digest) {
  return cat("/v2/", repository, "/blobs/", digest);
}
inline std::string manifest_path(const std::string& repository, const std::string& reference) {
  return cat("/v2/", repository, "/manifests/", reference);
}

inline oci::Descriptor describe(std::string_view bytes, std::string_view type) {
  oci::Descriptor d;
  d.media_type = type;
  d.digest = oci::Digest::of(bytes);
  d.size = bytes.size();
  return d;
}

// An image whose config and layers are the given texts.
inline std::string image_of(const std::string& config, const std::vector<std::string>& layers,
                            std::map<std::string, std::string> annotations = {}) {
  std::vector<oci::Descriptor> descriptors;
  for (const std::string& layer : layers) {
    descriptors.push_back(describe(layer, oci::kMediaTypeLayer));
  }
  return oci::Manifest::make(oci::kMediaTypeManifest, describe(config, oci::kMediaTypeConfig),
                             descriptors, std::move(annotations))
      .raw;
}

inline std::string index_of(const std::vector<std::string>& manifests) {
  std::vector<oci::Descriptor> descriptors;
  for (const std::string& manifest : manifests) {
    descriptors.push_back(describe(manifest, oci::kMediaTypeManifest));
  }
  return oci::Index::make(oci::kMediaTypeIndex, descriptors).raw;
}

// The time of a registry under test: moved by the test, read by the server's threads.
class TestClock : public Clock {
 public:
  TimePoint now() const override { return TimePoint(std::chrono::nanoseconds(nanos_.load())); }
  void advance(std::chrono::nanoseconds by) { nanos_ += by.count(); }

 private:
  std::atomic<int64_t> nanos_ = unix_nanos(Clock::system().now());
};

// The metadata is in SQLite, or where SKIFF_TEST_DATABASE says "postgresql", on a server of this
// program's own: CMakeLists.txt names the tests that run on both.
class RegistryTest : public testing::Test {
 protected:
  RegistryTest() {
    options_.root = dir_.path() / "registry";
    options_.collect_garbage = false;
    options_.send_webhooks = false;
    PostgresForTests::place_tables_of(options_.root);
  }
  void SetUp() override { start(); }
  void TearDown() override { stop(); }

  void start() {
    auto opened = open_registry(options_, clock_, *files_);
    ASSERT_TRUE(opened) << opened.error().message();
    registry_ = std::move(*opened);
    net::ServerOptions how{
        .quick = [this](const net::Request& request) { return registry_->is_quick(request); }};
    how.on_refused = [this](int status, const std::string& remote) {
      registry_->refused(status, remote);
    };
    server_ = std::make_unique<net::HttpServer>(registry_->handler(), std::move(how));
    auto socket = net::listen_tcp("127.0.0.1:0");
    port_ = *net::local_port(socket->get());
    ASSERT_TRUE(server_->listen(std::move(*socket)));
    thread_ = std::thread([this] { EXPECT_TRUE(server_->run()); });
    client_ = std::make_unique<Client>(port_);
  }
  void stop() {
    client_.reset();
    if (server_) server_->stop();
    if (thread_.joinable()) thread_.join();
    server_.reset();
    registry_.reset();
  }
  void restart() {
    stop();
    start();
  }
  // What the registry has beside blobs, as another process sees it.
  std::unique_ptr<MetadataStore> open_metadata(const MetadataOptions& options) {
    auto opened = registry::open_metadata(options_.root, options, clock_);
    EXPECT_TRUE(opened) << opened.error().message();
    return std::move(*opened);
  }
  std::unique_ptr<MetadataStore> open_metadata() { return open_metadata(options_.metadata); }
  // Changes the tables, whatever foreign keys say.
  void edit_tables(const std::string& sql) {
    const auto server = *database_server_of(options_.root);
    auto db = server ? server->connect("registry", DatabaseServer::Use::kDurable, migrations())
                     : Database::open(options_.root / "registry.db", migrations());
    ASSERT_TRUE(db) << db.error().message();
    const auto done = db->execute(cat(
        server ? "SET session_replication_role TO replica;" : "PRAGMA foreign_keys = OFF;", sql));
    ASSERT_TRUE(done) << done.error().message();
  }
  bool on_sqlite() const { return !*database_of(options_.root); }
  Client& client() { return *client_; }
  uint16_t port() const { return port_; }

  // Blobs and manifest of an image; returns the manifest's digest.
  std::string push_image(const std::string& repository, const std::string& tag,
                         const std::string& config, const std::vector<std::string>& layers) {
    client().push_blob(repository, config);
    for (const std::string& layer : layers) client().push_blob(repository, layer);
    Reply reply = client().put_manifest(repository, tag, image_of(config, layers));
    EXPECT_EQ(reply.status, 201) << reply.body;
    return reply.header("Docker-Content-Digest");
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-registry-");
  RegistryOptions options_;
  TestClock clock_;
  DurableFiles* files_ = &DurableFiles::system();  // of the blobs
  std::unique_ptr<Registry> registry_;

 private:
  std::unique_ptr<net::HttpServer> server_;
  std::thread thread_;
  uint16_t port_ = 0;
  std::unique_ptr<Client> client_;
};

}  // namespace skiff::registry
