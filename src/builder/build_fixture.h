// For tests: a builder on real stores in a directory of its own, contexts made file by file,
// and what a build told.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <mutex>

#include "base/random.h"
#include "base/strings.h"
#include "builder/builder.h"
#include "codec/tar.h"
#include "runtime/test_program.h"
#include "snapshot/snapshotter.h"
#include "sys/cgroup.h"
#include "sys/process.h"

namespace skiff::builder {

struct Told {
  std::vector<std::string> texts;     // of steps started
  std::vector<std::string> places;    // "0 2/3 RUN make", triggers, too
  std::vector<int> cached;            // steps
  std::map<int, std::string> missed;  // step -> reason
  std::map<int, std::vector<std::string>> differences;
  std::map<int, std::string> ids;
  std::string output;
  std::vector<std::string> warnings;
  std::vector<std::string> caches;  // and what went wrong with them
  std::vector<BasePull> pulls;
  std::vector<int> failed;       // exit codes
  std::vector<std::string> log;  // everything, a line each: "start 1", "done 1", ...

  void operator()(const BuildEvent& event) {
    std::visit([this](const auto& e) { take(e); }, event);
  }

 private:
  void take(const StepStarted& e) {
    if (e.places > 0) places.push_back(cat(e.stage, " ", e.place, "/", e.places, " ", e.text));
    if (e.step.trigger > 0) return;
    texts.push_back(e.text);
    log.push_back(cat("start ", e.step.number, "/", e.total));
  }
  void take(const StepCached& e) {
    if (e.step.trigger > 0) return;
    cached.push_back(e.step.number);
    log.push_back(cat("cached ", e.step.number));
  }
  void take(const StepMissed& e) {
    missed[e.step.number] = e.reason;
    differences[e.step.number] = e.differences;
  }
  void take(const StepOutput& e) { output += e.bytes; }
  void take(const StepProgress&) {}
  void take(const BasePull& e) { pulls.push_back(e); }
  void take(const Exporting& e) { log.push_back(cat("export ", e.progress.status)); }
  void take(const StepFailed& e) {
    if (e.exit_code != 0) failed.push_back(e.exit_code);
  }
  void take(const StepDone& e) {
    if (!e.last) return;
    ids[e.step.number] = e.id;
    log.push_back(cat("done ", e.step.number));
  }
  void take(const BuildWarning& e) { warnings.push_back(e.text); }
  void take(const CacheMoved& e) {
    if (e.over) caches.push_back(cat(e.what, e.error.empty() ? "" : ": ", e.error));
  }
  void take(const ImageBuilt& e) { log.push_back(cat("built ", e.platform)); }
};

class BuildFixture : public testing::Test {
 protected:
  void SetUp() override {
    auto content = content::open_content_store(root() / "content");
    ASSERT_TRUE(content) << content.error().message();
    auto snapshots =
        snapshot::open_snapshotter(root() / "snapshots", snapshot::choose_backend(root()));
    ASSERT_TRUE(snapshots) << snapshots.error().message();
    auto images =
        images::open_image_store(root() / "images", std::move(*content), std::move(*snapshots));
    ASSERT_TRUE(images) << images.error().message();
    images_ = std::move(*images);
    std::string instance = cat("b", random_hex(7));
    auto networks =
        network::open_network_manager({.root = root() / "network", .instance = instance});
    ASSERT_TRUE(networks) << networks.error().message();
    networks_ = std::move(*networks);
    options_ = {.root = root() / "builder",
                .run_dir = root() / "run",
                .runtime_program = runtime::test::runtime_program(),
                .cgroup_parent = cat("/skiff-", instance)};
    open_builder_again();
    std::filesystem::create_directories(context());
  }
  void TearDown() override {
    builder_.reset();
    expect_nothing_left();
    if (networks_) {
      EXPECT_TRUE(networks_->shutdown());
    }
    // The parent outlives its builder: it is the engine's too.
    EXPECT_TRUE(sys::Cgroup::open(options_.cgroup_parent)->remove());
  }

  void open_builder_again() {
    builder_.reset();
    auto builder = open_builder(options_, *images_, *networks_);
    ASSERT_TRUE(builder) << builder.error().message();
    builder_ = std::move(*builder);
  }

  const Path& root() const { return dir_.path(); }
  Path context() const { return root() / "context"; }

  void write(const std::string& path, std::string_view text, mode_t mode = 0644) {
    std::filesystem::create_directories((context() / path).parent_path());
    UniqueFd fd(::open((context() / path).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    FdSink sink(fd.get());
    ASSERT_TRUE(sink.write(text));
    ASSERT_EQ(::fchmod(fd.get(), mode), 0);
  }

  BuildRequest request(const std::string& dockerfile) const {
    BuildRequest out;
    out.context_directory = context();
    out.dockerfile_text = dockerfile;
    out.tags = {*oci::Reference::parse("test:1")};
    return out;
  }
  Result<BuildResult> build(const BuildRequest& wanted, const CancelToken& cancel = {}) {
    told_ = {};
    return builder_->build(wanted, [this](const BuildEvent& e) { told_(e); }, cancel);
  }
  // Builds, and gives the image.
  images::Image built(const BuildRequest& wanted) {
    auto result = build(wanted);
    EXPECT_TRUE(result) << result.error().message();
    if (!result) return {};
    auto image = images_->find(result->id.str());
    EXPECT_TRUE(image) << image.error().message();
    return image ? *image : images::Image{};
  }
  images::Image built(const std::string& dockerfile) { return built(request(dockerfile)); }
  std::string error_of(const BuildRequest& wanted) {
    auto result = build(wanted);
    EXPECT_FALSE(result);
    return result ? "" : result.error().message();
  }

  // The tree of an image as `find` shows it: "TYPE MODE UID:GID PATH", sorted; and a file's text.
  std::string tree(const images::Image& image, std::string_view format = "%y %m %U:%G %P") {
    std::string out;
    with_tree(image, [&](const Path& root) {
      auto found = sys::run_captured(
          {.args = {"find", root.native(), "-mindepth", "1", "-printf", cat(format, "\\n")}});
      EXPECT_TRUE(found);
      std::vector<std::string> lines = split(found->out, '\n');
      std::ranges::sort(lines);
      out = trim(join(lines, "\n"));
    });
    return out;
  }
  std::string text_in(const images::Image& image, const std::string& path) {
    std::string out;
    with_tree(image, [&](const Path& root) {
      auto text = read_file(root / path);
      out = text ? *text : cat("ERROR ", text.error().message());
    });
    return out;
  }
  void with_tree(const images::Image& image, const std::function<void(const Path&)>& use) {
    auto unpacked = images_->unpack(image, [](const images::ProgressEvent&) {}, {});
    ASSERT_TRUE(unpacked) << unpacked.error().message();
    std::string key = cat("look-", random_hex(8));
    auto dir = TempDir::make(root(), "look-");
    ASSERT_TRUE(images_->snapshots().view(key, *unpacked));
    {
      auto mount = images_->snapshots().mount_of(key);
      auto mounted = snapshot::MountedSnapshot::mount(*mount, dir->path());
      ASSERT_TRUE(mounted) << mounted.error().message();
      use(dir->path());
    }
    ASSERT_TRUE(images_->snapshots().remove(key));
  }

  // No snapshot, mount, directory, cgroup or endpoint of a step.
  void expect_nothing_left() {
    ASSERT_TRUE(images_->snapshots().walk([](const snapshot::Info& info) -> Result<> {
      EXPECT_EQ(info.kind, snapshot::Kind::kCommitted) << info.name;
      return {};
    }));
    EXPECT_TRUE(std::filesystem::is_empty(options_.run_dir));
    EXPECT_EQ(read_file("/proc/self/mountinfo")->find(options_.run_dir.native()),
              std::string::npos);
    for (const auto& entry : std::filesystem::directory_iterator(options_.root)) {
      bool known = entry.path().filename().native().starts_with("cache.db") ||
                   entry.path().filename() == "stat-cache" || entry.path() == options_.scratch() ||
                   entry.path() == options_.downloads() ||
                   entry.path() == options_.cache_mounts() ||
                   entry.path() == options_.local_sources();
      EXPECT_TRUE(known) << entry.path();
    }
    EXPECT_TRUE(std::filesystem::is_empty(options_.scratch()));
    auto networks = networks_->list();
    for (const auto& network : *networks) {
      EXPECT_TRUE(networks_->endpoints(network.id)->empty());
    }
    auto groups = sys::run_captured({.args = {"find", "/sys/fs/cgroup", "-maxdepth", "4", "-path",
                                              cat("*", options_.cgroup_parent, "/build-*")}});
    EXPECT_EQ(groups->out, "");
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-builder-test-");
  std::unique_ptr<images::ImageStore> images_;
  std::unique_ptr<network::NetworkManager> networks_;
  BuilderOptions options_;
  std::unique_ptr<Builder> builder_;
  Told told_;
};

}  // namespace skiff::builder
