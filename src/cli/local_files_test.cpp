// The client's own files: logins, what it packs into archives and what it unpacks from them.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "base/file.h"
#include "base/strings.h"
#include "cli/client_config.h"
#include "cli/tree_tar.h"
#include "cli/unpack.h"
#include "codec/base64.h"

namespace skiff::cli {
namespace {

namespace fs = std::filesystem;

class ClientConfigTest : public testing::Test {
 protected:
  void SetUp() override { ::setenv("DOCKER_CONFIG", (dir_.path() / "deep/er").c_str(), 1); }
  void TearDown() override { ::unsetenv("DOCKER_CONFIG"); }
  Path file() const { return dir_.path() / "deep/er/config.json"; }
  TempDir dir_ = *TempDir::make("/tmp", "skiff-cli-");
};

TEST_F(ClientConfigTest, LoginsAreKeptForTheirOwnerAlone) {
  auto config = ClientConfig::load();
  ASSERT_TRUE(config);
  EXPECT_EQ(*base64_decode(config->auth_header("localhost:5000")), "{}");
  ASSERT_TRUE(config->save_login("localhost:5000", "me", "pass:word"));
  struct stat status{};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(json::parse(*read_file(file()))->dump(), cat(R"({"auths":{"localhost:5000":{"auth":")",
                                                         base64_encode("me:pass:word"), R"("}}})"));
  auto again = ClientConfig::load();
  EXPECT_EQ(again->username("localhost:5000"), "me");
  auto header = json::parse(*base64_decode(again->auth_header("localhost:5000")));
  EXPECT_EQ(*header, *json::parse(R"({"username": "me", "password": "pass:word",
                                      "serveraddress": "localhost:5000"})"));
}

TEST_F(ClientConfigTest, AnIdentityTokenIsKeptInThePasswordsPlace) {
  auto config = ClientConfig::load();
  ASSERT_TRUE(config->save_login("localhost:5000", "me", "secret", "token"));
  EXPECT_EQ(json::parse(*read_file(file()))->dump(),
            cat(R"({"auths":{"localhost:5000":{"auth":")", base64_encode("me:"),
                R"(","identitytoken":"token"}}})"));
  const auto header = json::parse(*base64_decode(config->auth_header("localhost:5000")));
  EXPECT_EQ(*header, *json::parse(R"({"username": "me", "password": "",
                                      "serveraddress": "localhost:5000",
                                      "identitytoken": "token"})"));
}

TEST_F(ClientConfigTest, TheHubHasItsOldAddressAndTheRestStays) {
  fs::create_directories(file().parent_path());
  ASSERT_TRUE(write_file(file(), R"({"psFormat": "x", "auths": {"other": {"auth": "YTpi"}}})"));
  auto config = ClientConfig::load();
  ASSERT_TRUE(config->save_login("docker.io", "u", "p"));
  auto text = *read_file(file());
  EXPECT_NE(text.find("https://index.docker.io/v1/"), std::string::npos) << text;
  EXPECT_NE(text.find("psFormat"), std::string::npos);
  auto all = json::parse(*base64_decode(config->all_auths_header()));
  EXPECT_EQ(all->find("other")->string("username"), "a");
  EXPECT_TRUE(*config->remove_login("docker.io"));
  EXPECT_FALSE(*config->remove_login("docker.io"));
  EXPECT_EQ(ClientConfig::load()->username("docker.io"), "");
}

TEST_F(ClientConfigTest, AFileThatCannotBeReadIsAnErrorAndStays) {
  fs::create_directories(file().parent_path());
  for (std::string bad : {"{", "[", "\xff", "{\"auths\": "}) {
    ASSERT_TRUE(write_file(file(), bad));
    EXPECT_FALSE(ClientConfig::load()) << bad;
    EXPECT_FALSE(ClientConfig().save_login("h", "u", "p"));
    EXPECT_EQ(*read_file(file()), bad);
  }
  // Members of another type than expected are no logins.
  for (std::string odd : {R"([])", R"({"auths": 1})", R"({"auths": {"h": 1}})",
                          R"({"auths": {"h": {"auth": "!"}}})"}) {
    ASSERT_TRUE(write_file(file(), odd));
    auto config = ClientConfig::load();
    ASSERT_TRUE(config) << odd;
    EXPECT_EQ(config->username("h"), "");
    EXPECT_FALSE(config->auth_header("h").empty());
    EXPECT_FALSE(config->all_auths_header().empty());
  }
}

TEST(ClientConfig, RegistriesAreTheHostsOfNames) {
  EXPECT_EQ(registry_host_of("busybox"), "docker.io");
  EXPECT_EQ(registry_host_of("localhost:5000/a/b:1"), "localhost:5000");
  EXPECT_EQ(registry_host_of("NOT A NAME"), "");
}

std::string archive_of(const Path& root, TreeTarOptions options = {}) {
  TreeTar tar(root, std::move(options));
  StringSink out;
  auto done = copy(tar, out);
  EXPECT_TRUE(done) << done.error().message();
  return out.text();
}

// "name" of each entry, with " -> target" and the bodies of files as "=text".
std::vector<std::string> entries_of(const std::string& archive) {
  std::vector<std::string> out;
  StringSource source(archive);
  TarReader tar(source);
  for (;;) {
    auto entry = tar.next();
    EXPECT_TRUE(entry) << entry.error().message();
    if (!entry || *entry == nullptr) return out;
    std::string text = (*entry)->name;
    if ((*entry)->type == TarType::kSymlink) text += cat(" -> ", (*entry)->link_target);
    if ((*entry)->type == TarType::kFile) {
      StringSink body;
      EXPECT_TRUE(copy(tar.body(), body));
      text += cat("=", body.text());
    }
    out.push_back(std::move(text));
  }
}

class TreeTarTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(root_ / "sub/deep");
    EXPECT_TRUE(write_file(root_ / "b.txt", "bee"));
    EXPECT_TRUE(write_file(root_ / "a.log", "log"));
    EXPECT_TRUE(write_file(root_ / "sub/deep/keep", "kept"));
    EXPECT_TRUE(write_file(root_ / "sub/other", "other"));
    fs::create_symlink("/etc/passwd", root_ / "link");
  }
  TempDir dir_ = *TempDir::make("/tmp", "skiff-cli-");
  Path root_ = dir_.path() / "tree";
};

using Names = std::vector<std::string>;

TEST_F(TreeTarTest, NamesComeInOrderAndLinksStayLinks) {
  EXPECT_EQ(entries_of(archive_of(root_)),
            (Names{"a.log=log", "b.txt=bee", "link -> /etc/passwd", "sub/", "sub/deep/",
                   "sub/deep/keep=kept", "sub/other=other"}));
  EXPECT_EQ(entries_of(archive_of(root_ / "link", {.top = "x"})), (Names{"x -> /etc/passwd"}));
  EXPECT_EQ(entries_of(archive_of(root_ / "sub", {.top = "t"})),
            (Names{"t/", "t/deep/", "t/deep/keep=kept", "t/other=other"}));
}

TEST_F(TreeTarTest, IgnoredFilesStayUnlessTheyAreNeeded) {
  EXPECT_EQ(
      entries_of(archive_of(
          root_, {.ignored = *oci::IgnorePatterns::parse("*.log\nlink\nsub\n!sub/deep/keep\nb.txt"),
                  .always = {"b.txt"},
                  .extra = {{"a.log", "made"}, {"Dockerfile", "FROM x"}}})),
      (Names{"a.log=made", "Dockerfile=FROM x", "b.txt=bee", "sub/deep/keep=kept"}));
  EXPECT_EQ(entries_of(archive_of({}, {.extra = {{"Dockerfile", "FROM x"}}})),
            (Names{"Dockerfile=FROM x"}));
}

TEST_F(TreeTarTest, AMissingTreeIsAnError) {
  TreeTar tar(root_ / "nope", {});
  StringSink out;
  EXPECT_FALSE(copy(tar, out));
}

struct Made {
  TarEntry entry;
  std::string body;
};

std::string tar_of_entries(const std::vector<Made>& files) {
  StringSink out;
  TarWriter tar(out);
  for (auto [entry, body] : files) {
    entry.size = body.size();
    EXPECT_TRUE(tar.add(entry));
    EXPECT_TRUE(tar.write_body(body));
  }
  EXPECT_TRUE(tar.finish());
  return out.text();
}

Result<> unpack_text(const std::string& archive, const Path& to) {
  StringSource source(archive);
  return unpack(source, to, {.place = [](const std::string& name) { return name; }});
}

class UnpackTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(to_);
    fs::create_directories(outside_);
    EXPECT_TRUE(write_file(outside_ / "file", "safe"));
  }
  void expect_untouched() {
    EXPECT_EQ(*read_file(outside_ / "file"), "safe");
    EXPECT_EQ(std::distance(fs::directory_iterator(outside_), fs::directory_iterator()), 1);
  }
  TempDir dir_ = *TempDir::make("/tmp", "skiff-cli-");
  Path to_ = dir_.path() / "to";
  Path outside_ = dir_.path() / "outside";
};

TEST_F(UnpackTest, TreesComeBack) {
  Path from = dir_.path() / "from";
  fs::create_directories(from / "d/e");
  ASSERT_TRUE(write_file(from / "d/e/f", "text"));
  fs::permissions(from / "d/e/f", fs::perms(0751));
  fs::create_symlink("e/f", from / "d/l");
  ASSERT_TRUE(unpack_text(archive_of(from), to_));
  EXPECT_EQ(*read_file(to_ / "d/e/f"), "text");
  EXPECT_EQ(fs::status(to_ / "d/e/f").permissions(), fs::perms(0751));
  EXPECT_EQ(fs::read_symlink(to_ / "d/l"), "e/f");
  EXPECT_EQ(fs::last_write_time(to_ / "d/e/f"), fs::last_write_time(from / "d/e/f"));
  ASSERT_TRUE(unpack_text(archive_of(from), to_)) << "again, over what is there";
}

TEST_F(UnpackTest, NamesDoNotLeaveTheDirectory) {
  for (std::string name : {"../outside/file", "a/../../outside/file", ".."}) {
    EXPECT_FALSE(unpack_text(tar_of_entries({{{.name = name}, "evil"}}), to_)) << name;
    expect_untouched();
  }
  std::string absolute = outside_ / "file";
  ASSERT_TRUE(unpack_text(tar_of_entries({{{.name = absolute}, "evil"}}), to_));
  EXPECT_EQ(*read_file(to_ / absolute.substr(1)), "evil") << "absolute names stand below, too";
  expect_untouched();
}

TEST_F(UnpackTest, LinksOnTheWayAreNotFollowed) {
  TarEntry link{.name = "l", .type = TarType::kSymlink};
  link.link_target = outside_;
  EXPECT_FALSE(unpack_text(tar_of_entries({{link, ""}, {{.name = "l/file"}, "evil"}}), to_));
  expect_untouched();
  link.link_target = outside_ / "file";
  ASSERT_TRUE(unpack_text(tar_of_entries({{link, ""}, {{.name = "l"}, "mine"}}), to_));
  EXPECT_EQ(*read_file(to_ / "l"), "mine") << "the link is replaced";
  expect_untouched();
  TarEntry hard{.name = "h", .type = TarType::kHardLink};
  hard.link_target = "../outside/file";
  EXPECT_FALSE(unpack_text(tar_of_entries({{hard, ""}}), to_));
  expect_untouched();
}

// A directory's entry over a link: its mode and times are not those of where the link leads.
TEST_F(UnpackTest, ADirectoryOverALinkChangesNothingElsewhere) {
  TarEntry link{.name = "l", .type = TarType::kSymlink};
  link.link_target = outside_;
  fs::permissions(outside_, fs::perms(0750));
  TarEntry directory{.name = "l/", .type = TarType::kDirectory, .mode = 0777};
  [[maybe_unused]] auto either = unpack_text(tar_of_entries({{link, ""}, {directory, ""}}), to_);
  EXPECT_EQ(fs::status(outside_).permissions(), fs::perms(0750));
  expect_untouched();
}

RC_GTEST_PROP(Unpack, AnyBytesAreUnpackedOrRefused, (const std::string& bytes)) {
  TempDir dir = *TempDir::make("/tmp", "skiff-cli-");
  [[maybe_unused]] auto either = unpack_text(bytes, dir.path());
}

}  // namespace
}  // namespace skiff::cli
