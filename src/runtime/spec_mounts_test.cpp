// Mounts of config.json with their options, seen from inside.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "runtime/diagnostics.h"
#include "runtime/features.h"
#include "runtime/test_runs.h"
#include "sys/mounts.h"

namespace skiff::runtime {
namespace {

using test::Ran;
using test::refusal;
using test::run;
using test::TestBundle;

std::function<void(json::Value&)> with_mount(json::Value mount) {
  return [mount](json::Value& config) {
    json::Array mounts = config.array("mounts");
    mounts.push_back(mount);
    config.set("mounts", std::move(mounts));
  };
}

json::Value mapping(int64_t inside, int64_t host, int64_t size) {
  return json::array({json::object({{"containerID", inside}, {"hostID", host}, {"size", size}})});
}

// A directory of the host with a file system that can be mapped, and one more mount below.
class HostTree {
 public:
  explicit HostTree(const Path& place) : point_((make(place), place)), below_(place / "below") {
    make(place / "below");
    EXPECT_TRUE(write_file_durably(place / "file", "text\n", 0644));
    EXPECT_EQ(::chown((place / "file").c_str(), 1000, 1000), 0);
  }

 private:
  static void make(const Path& place) {
    std::filesystem::create_directories(place);
    UniqueFd target = *open_file(place, O_PATH | O_DIRECTORY);
    UniqueFd mount = *sys::new_filesystem({.type = "tmpfs", .options = {{"mode", "755"}}});
    EXPECT_TRUE(sys::attach_mount(mount.get(), target.get()));
  }
  sys::MountPoint point_;
  sys::MountPoint below_;
};

// As run(), for those whose host has mounts of the test.
Ran run_among_mounts(TestBundle& bundle, const std::string& script) {
  bundle.script(script);
  Result<Ran> ran = bundle.run();
  if (ran) return *ran;
  ADD_FAILURE() << ran.error().message();
  return {};
}

TEST(SpecMounts, IdMappedMountShowsOtherOwners) {
  TestBundle bundle;
  HostTree tree(bundle.scratch() / "host");
  bundle.change = with_mount(json::object({{"destination", "/data"},
                                           {"type", "bind"},
                                           {"source", (bundle.scratch() / "host").native()},
                                           {"options", json::array({"bind"})},
                                           {"uidMappings", mapping(1000, 7000, 10)},
                                           {"gidMappings", mapping(1000, 8000, 10)}}));
  EXPECT_EQ(run_among_mounts(bundle, "stat -c %u:%g /data/file").output, "7000:8000\n");
}

TEST(SpecMounts, IdMappingReachesBelowOnlyWhenRecursive) {
  for (const auto& [word, owner] : {std::pair("idmap", "0"), std::pair("ridmap", "7000")}) {
    TestBundle bundle;
    HostTree tree(bundle.scratch() / "host");
    bundle.change = with_mount(json::object({{"destination", "/data"},
                                             {"type", "bind"},
                                             {"source", (bundle.scratch() / "host").native()},
                                             {"options", json::array({"rbind", word})},
                                             {"uidMappings", mapping(0, 7000, 10)},
                                             {"gidMappings", mapping(0, 8000, 10)}}));
    EXPECT_EQ(run_among_mounts(bundle, "stat -c %u /data /data/below").output,
              cat("7000\n", owner, "\n"));
  }
}

TEST(SpecMounts, IdMappingMistakesAreNamed) {
  TestBundle bundle;
  HostTree tree(bundle.scratch() / "host");
  json::Value mount = json::object({{"destination", "/data"},
                                    {"type", "bind"},
                                    {"source", (bundle.scratch() / "host").native()},
                                    {"options", json::array({"bind", "idmap"})}});
  bundle.change = with_mount(mount);
  EXPECT_NE(Result<Ran>(bundle.script("true").run()).error().message().find("user namespace"),
            std::string::npos);
  mount.set("uidMappings", mapping(0, 1, 1));
  bundle.change = with_mount(mount);
  EXPECT_NE(bundle.script("true").run().error().message().find("gidMappings"), std::string::npos);
}

TEST(SpecMounts, OnlyBindsCanBeMapped) {
  TestBundle bundle;
  bundle.change = with_mount(json::object({{"destination", "/data"},
                                           {"type", "tmpfs"},
                                           {"uidMappings", mapping(0, 1, 1)},
                                           {"gidMappings", mapping(0, 1, 1)}}));
  EXPECT_NE(refusal(bundle).find("only bind mounts"), std::string::npos);
}

TEST(SpecMounts, TmpfsTakesWhatItCovers) {
  TestBundle bundle;
  Path covered = bundle.rootfs() / "covered";
  std::filesystem::create_directories(covered / "deep");
  ASSERT_TRUE(write_file_durably(covered / "deep/file", "text\n", 0640));
  ASSERT_EQ(::chown((covered / "deep/file").c_str(), 12, 13), 0);
  std::filesystem::create_symlink("/etc/passwd", covered / "link");
  bundle.change = with_mount(json::object({{"destination", "/covered"},
                                           {"type", "tmpfs"},
                                           {"source", "tmpfs"},
                                           {"options", json::array({"tmpcopyup", "ro"})}}));
  Ran ran =
      run_among_mounts(bundle,
                       "cat /covered/deep/file; stat -c %a:%u:%g /covered/deep/file;"
                       "readlink /covered/link; touch /covered/x; grep -c /covered /proc/mounts");
  EXPECT_TRUE(ran.output.starts_with("text\n640:12:13\n/etc/passwd\n")) << ran.output;
  EXPECT_NE(ran.output.find("Read-only file system"), std::string::npos) << ran.output;
}

TEST(SpecMounts, CopyUpIsForTmpfsAlone) {
  TestBundle bundle;
  bundle.change = with_mount(json::object({{"destination", "/data"},
                                           {"type", "bind"},
                                           {"source", "/tmp"},
                                           {"options", json::array({"bind", "tmpcopyup"})}}));
  EXPECT_NE(refusal(bundle).find("tmpcopyup"), std::string::npos);
}

TEST(SpecMounts, RecursiveOptionsReachTheMountsBelow) {
  const std::pair<const char*, const char*> kCases[] = {{"rro", "ro"},
                                                        {"rnosuid", "nosuid"},
                                                        {"rnodev", "nodev"},
                                                        {"rnoexec", "noexec"},
                                                        {"rnoatime", "noatime"},
                                                        {"rnodiratime", "nodiratime"},
                                                        {"rrelatime", "relatime"},
                                                        {"rnosymfollow", "nosymfollow"}};
  for (const auto& [word, shown] : kCases) {
    TestBundle bundle;
    HostTree tree(bundle.scratch() / "host");
    bundle.change = with_mount(json::object({{"destination", "/data"},
                                             {"type", "bind"},
                                             {"source", (bundle.scratch() / "host").native()},
                                             {"options", json::array({"rbind", word})}}));
    std::vector<std::string> lines =
        split(trim(run_among_mounts(bundle, "grep ' /data' /proc/self/mountinfo").output), '\n');
    ASSERT_EQ(lines.size(), 2U) << word;
    for (const std::string& line : lines) {
      std::string options = cat(",", split(line, ' ').at(5), ",");
      EXPECT_NE(options.find(cat(",", shown, ",")), std::string::npos) << word << ": " << line;
    }
  }
}

TEST(SpecMounts, LinksAreMountedAsLinksWhenNotFollowed) {
  TestBundle bundle;
  std::filesystem::create_symlink("/nowhere", bundle.scratch() / "link");
  std::filesystem::create_symlink("/etc", bundle.rootfs() / "place");
  bundle.change = with_mount(
      json::object({{"destination", "/place"},
                    {"type", "bind"},
                    {"source", (bundle.scratch() / "link").native()},
                    {"options", json::array({"bind", "src-nofollow", "dest-nofollow"})}}));
  EXPECT_EQ(run_among_mounts(bundle, "readlink /place").output, "/nowhere\n");
}

TEST(SpecMounts, AFileIsMadeWhereLinksLeadThatLeadNowhere) {
  TestBundle bundle;
  ASSERT_TRUE(write_file_durably(bundle.scratch() / "file", "text\n", 0644));
  bundle.change = [&, mount = with_mount(json::object(
                          {{"destination", "/link"},
                           {"type", "bind"},
                           {"source", (bundle.scratch() / "file").native()},
                           {"options", json::array({"bind"})}}))](json::Value& config) {
    std::filesystem::create_symlink("/far/away/file", bundle.rootfs() / "link");
    mount(config);
  };
  EXPECT_EQ(run_among_mounts(bundle, "cat /far/away/file").output, "text\n");
}

TEST(SpecMounts, AMountKeepsItsOwnPropagation) {
  TestBundle bundle;
  bundle.change = with_mount(json::object({{"destination", "/data"},
                                           {"type", "tmpfs"},
                                           {"source", "tmpfs"},
                                           {"options", json::array({"shared"})}}));
  EXPECT_NE(run_among_mounts(bundle, "grep ' /data ' /proc/self/mountinfo").output.find("shared:"),
            std::string::npos);
}

TEST(SpecMounts, SuperblockWordsReachANewFilesystem) {
  TestBundle bundle;
  bundle.change =
      with_mount(json::object({{"destination", "/data"},
                               {"type", "tmpfs"},
                               {"options", json::array({"sync", "silent", "noexec"})}}));
  std::string output = run_among_mounts(bundle, "grep ' /data ' /proc/mounts").output;
  EXPECT_NE(output.find("sync"), std::string::npos) << output;
  EXPECT_NE(output.find("noexec"), std::string::npos) << output;
}

// One mount for each word that features names.
TEST(SpecMounts, EveryOptionOfFeaturesIsTaken) {
  TestBundle bundle;
  HostTree tree(bundle.scratch() / "host");
  std::vector<std::string> words = runtime_features().strings("mountOptions");
  ASSERT_GT(words.size(), 50U);
  bundle.change = [&](json::Value& config) {
    json::Array mounts = config.array("mounts");
    for (const std::string& word : words) {
      bool new_one = word != "bind" && word != "rbind" && !word.ends_with("idmap") &&
                     !word.ends_with("-nofollow");
      json::Value mount =
          json::object({{"destination", "/mounts/" + word},
                        {"type", new_one ? "tmpfs" : "bind"},
                        {"source", new_one ? "tmpfs" : (bundle.scratch() / "host").native()},
                        {"options", json::array({word})}});
      if (word.ends_with("idmap")) {
        mount.set("uidMappings", mapping(0, 7000, 1));
        mount.set("gidMappings", mapping(0, 7000, 1));
      }
      mounts.push_back(std::move(mount));
    }
    config.set("mounts", std::move(mounts));
  };
  Ran ran = run_among_mounts(bundle, "grep -c ' /mounts/' /proc/self/mountinfo");
  // One more below each of those that are recursive.
  EXPECT_GE(parse_uint(trim(ran.output)).value_or(0), words.size()) << ran.output;
}

json::Value bind_of(const Path& source, const Path& destination,
                    const std::vector<std::string>& options = {"rbind"}) {
  return json::object({{"destination", destination.native()},
                       {"type", "bind"},
                       {"source", source.native()},
                       {"options", options}});
}

TEST(SpecMounts, SourcesInTheRootShowTheMountsBefore) {
  TestBundle bundle;
  HostTree tree(bundle.scratch() / "host");
  bundle.change = [&](json::Value& config) {
    with_mount(bind_of(bundle.scratch() / "host", "/tmp"))(config);
    // A link of the image leads into the image, whatever the host has there.
    with_mount(bind_of(bundle.rootfs() / "link/file", "/dev/etc-file"))(config);
    with_mount(bind_of(bundle.rootfs() / "tmp", bundle.rootfs() / "etc"))(config);
  };
  std::filesystem::create_symlink("/tmp", bundle.rootfs() / "link");
  EXPECT_EQ(run_among_mounts(bundle, "cat /etc/file /dev/etc-file; ls /etc").output,
            "text\ntext\nbelow\nfile\n");
}

TEST(SpecMounts, SourcesInTheRootCanBeMapped) {
  for (bool in_user_namespace : {false, true}) {
    TestBundle bundle;
    HostTree tree(bundle.scratch() / "host");
    bundle.change = [&](json::Value& config) {
      with_mount(bind_of(bundle.scratch() / "host", "/tmp"))(config);
      json::Value mapped = bind_of(bundle.rootfs() / "tmp", "/data", {"rbind", "idmap"});
      int64_t host = in_user_namespace ? 100000 + 7000 : 7000;
      mapped.set("uidMappings", mapping(1000, host, 10));
      mapped.set("gidMappings", mapping(1000, host, 10));
      with_mount(mapped)(config);
      if (!in_user_namespace) return;
      json::Array namespaces = config.find("linux")->array("namespaces");
      namespaces.push_back(json::object({{"type", "user"}}));
      test::with_linux("namespaces", std::move(namespaces))(config);
      test::with_linux("uidMappings", mapping(0, 100000, 65536))(config);
      test::with_linux("gidMappings", mapping(0, 100000, 65536))(config);
      test::with_linux("sysctl", json::object())(config);
    };
    std::filesystem::create_directories(bundle.rootfs() / "data");
    EXPECT_EQ(run_among_mounts(bundle, "stat -c %u /data/file").output, "7000\n")
        << in_user_namespace;
  }
}

TEST(SpecMounts, SuperblockOptionsOfABindMountAreWarnings) {
  TestBundle bundle;
  bundle.change = with_mount(bind_of("/etc", "/tmp", {"bind", "size=1k", "ro"}));
  std::string said;
  set_warning_sink([&](std::string_view text) { said = text; });
  EXPECT_EQ(run_among_mounts(bundle, "touch /tmp/x; true").output,
            "touch: /tmp/x: Read-only file system\n");
  set_warning_sink([](std::string_view) {});
  EXPECT_EQ(said, "bind mount at /tmp: option \"size\" changes nothing");
}

}  // namespace
}  // namespace skiff::runtime
