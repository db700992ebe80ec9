#include "engine/files.h"

#include <set>
#include <thread>

#include "engine/spool.h"
#include "engine/test_engine.h"

namespace skiff::engine {
namespace {

using testing::EngineTest;

class FilesTest : public EngineTest {
 protected:
  static Result<> no_begin(const PathStat&) { return {}; }

  std::map<std::string, std::string> read_tar(const std::string& tar) {
    StringSource source(tar);
    TarReader reader(source);
    std::map<std::string, std::string> out;
    for (;;) {
      auto entry = reader.next();
      EXPECT_TRUE(entry) << entry.error().message();
      if (!entry || *entry == nullptr) return out;
      std::string body = (*entry)->type == TarType::kSymlink
                             ? "-> " + (*entry)->link_target
                             : read_all(reader.body(), 16 << 20).value();
      out[(*entry)->name] = body;
    }
  }
  Result<std::string> get(const std::string& id, const std::string& path) {
    StringSink sink;
    TRY(files().get_archive(id, path, sink, no_begin, {}));
    return sink.take();
  }
  std::map<std::string, std::string> archive(const std::string& id, const std::string& path) {
    auto tar = get(id, path);
    EXPECT_TRUE(tar) << tar.error().message();
    return read_tar(tar.value_or(""));
  }
  static std::string one_file(const std::string& name, const std::string& text, uint64_t uid = 0) {
    StringSink sink;
    TarWriter tar(sink);
    TarEntry entry{.name = name};
    entry.size = text.size();
    entry.uid = uid;
    StringSource body(text);
    EXPECT_TRUE(tar.add_file(entry, body));
    EXPECT_TRUE(tar.finish());
    return sink.take();
  }
  Result<> put(const std::string& id, const std::string& path, const std::string& tar,
               const ArchivePutOptions& options = {}) {
    StringSource source(tar);
    return files().put_archive(id, path, source, options);
  }
  std::string exited(const std::string& script) {
    std::string id = run(script);
    EXPECT_EQ(wait(id), 0) << logs(id);
    return id;
  }
};

using Entries = std::map<std::string, std::string>;

TEST_F(FilesTest, ComesOutOfStoppedAndRunningAlike) {
  std::string script = "mkdir -p /x/sub; echo one > /x/a; echo two > /x/sub/b; ln -s a /x/l";
  std::string stopped = exited(script);
  std::string running = run(script + "; echo ready; sleep 100");
  await_log(running, "ready");
  for (const std::string& id : {stopped, running}) {
    EXPECT_EQ(
        archive(id, "/x"),
        (Entries{
            {"x/", ""}, {"x/a", "one\n"}, {"x/l", "-> a"}, {"x/sub/", ""}, {"x/sub/b", "two\n"}}));
    EXPECT_EQ(archive(id, "x/sub/."), (Entries{{"./", ""}, {"./b", "two\n"}}));
    EXPECT_EQ(archive(id, "/x/a"), (Entries{{"a", "one\n"}}));
    EXPECT_EQ(archive(id, "/x/l"), (Entries{{"l", "-> a"}}));
    auto stat = files().stat_path(id, "/x/l");
    ASSERT_TRUE(stat);
    EXPECT_EQ(stat->name, "l");
    EXPECT_EQ(stat->link_target, "/x/a");
    auto missing = files().stat_path(id, "/no/such");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code(), Code::kNotFound);
    EXPECT_EQ(missing.error().message(), cat("Could not find the file /no/such in container ", id));
  }
}

TEST_F(FilesTest, GoesInAndIsSeen) {
  std::string stopped = create("cat /tmp/f");
  ASSERT_TRUE(put(stopped, "/tmp", one_file("f", "given\n", 7)));
  auto entries = archive(stopped, "/tmp/f");
  EXPECT_EQ(entries, (Entries{{"f", "given\n"}}));
  start(stopped);
  EXPECT_EQ(wait(stopped), 0);
  EXPECT_EQ(logs(stopped), "given\n");
  std::string running = run("until test -s /tmp/f; do sleep 0.02; done; cat /tmp/f");
  ASSERT_TRUE(put(running, "/tmp", one_file("f", "live\n")));
  EXPECT_EQ(wait(running), 0);
  EXPECT_EQ(logs(running), "live\n");
}

TEST_F(FilesTest, TakesTheContainersUserWhereAsked) {
  CreateRequest wanted = request("true");
  wanted.config.run.user = "app";
  std::string id = create(std::move(wanted));
  ASSERT_TRUE(put(id, "/tmp", one_file("f", "x"), {.copy_uid_gid = true}));
  auto tar = get(id, "/tmp/f");
  ASSERT_TRUE(tar);
  StringSource source(*tar);
  TarReader reader(source);
  const TarEntry* entry = *reader.next();
  EXPECT_EQ(entry->uid, 1000U);
  EXPECT_EQ(entry->gid, 1001U);
}

TEST_F(FilesTest, AnOwnerIsNeverCutDownToAnother) {
  std::string id = create("true");
  auto refused = put(id, "/", one_file("x", "text", uint64_t{1} << 32U));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kInvalidArgument);
  EXPECT_NE(refused.error().message().find("out of range"), std::string::npos);
}

// An archive of "good" and then `last`, whose body is "x" where it has one.
std::string good_and(TarEntry last) {
  StringSink sink;
  TarWriter tar(sink);
  for (TarEntry entry : {TarEntry{.name = "good"}, std::move(last)}) {
    entry.size = entry.type == TarType::kFile ? 1 : 0;
    StringSource body(entry.size > 0 ? "x" : "");
    EXPECT_TRUE(entry.size > 0 ? tar.add_file(entry, body) : tar.add(entry));
  }
  EXPECT_TRUE(tar.finish());
  return sink.take();
}

TEST_F(FilesTest, ARefusedArchiveLeavesNothing) {
  std::string id = exited("mkdir /tmp/full; echo > /tmp/full/x");
  const std::pair<const char*, TarEntry> bad[] = {
      {"outside of the target", {.name = "../../out"}},
      {"out of range", {.name = "f", .uid = uint64_t{1} << 32U}},
      {"cannot overwrite directory", {.name = "full"}},
      {"cannot overwrite non-directory", {.name = "good", .type = TarType::kDirectory}},
      {"good is not a directory", {.name = "good/below"}},
      {"not there", {.name = "l", .type = TarType::kHardLink, .link_target = "missing"}},
      {"a directory", {.name = "l", .type = TarType::kHardLink, .link_target = "full"}},
      {"outside of the target", {.name = "l", .type = TarType::kHardLink, .link_target = "../x"}}};
  for (const auto& [message, entry] : bad) {
    Result<> refused = put(id, "/tmp", good_and(entry), {.no_overwrite_dir_non_dir = true});
    ASSERT_FALSE(refused) << message;
    EXPECT_NE(refused.error().message().find(message), std::string::npos)
        << refused.error().message();
    EXPECT_EQ(get(id, "/tmp/good").error().code(), Code::kNotFound) << message;
  }
  const std::string cut = good_and({.name = "f"}).substr(0, 1100);
  EXPECT_FALSE(put(id, "/tmp", cut));
  EXPECT_EQ(get(id, "/tmp/good").error().code(), Code::kNotFound);
  // What the archive itself prepares is no fault.
  ASSERT_TRUE(
      put(id, "/tmp", good_and({.name = "l", .type = TarType::kHardLink, .link_target = "good"})));
  EXPECT_EQ(archive(id, "/tmp/l"), (Entries{{"l", "x"}}));
}

TEST_F(FilesTest, ASlashWantsADirectory) {
  std::string id = create("true");
  EXPECT_EQ(files().stat_path(id, "/etc/passwd/").error().code(), Code::kNotFound);
  EXPECT_EQ(files().stat_path(id, "/etc/passwd/.").error().code(), Code::kNotFound);
  EXPECT_EQ(get(id, "/etc/passwd/").error().code(), Code::kNotFound);
  EXPECT_TRUE(files().stat_path(id, "/etc/"));
}

TEST(Spool, IsReadTwiceUpToItsBound) {
  TempDir dir = *TempDir::make("/tmp", "skiff-spool-");
  const std::string text = "0123456789";
  StringSource whole(text);
  Spool spool = *Spool::make(dir.path(), whole, 100);
  EXPECT_EQ(*read_all(spool, 100), text);
  ASSERT_TRUE(spool.rewind());
  EXPECT_EQ(*read_all(spool, 100), text);
  EXPECT_FALSE(spool.is_full());

  StringSource longer(text);
  Spool bounded = *Spool::make(dir.path(), longer, 4);
  EXPECT_EQ(read_all(bounded, 100).error().code(), Code::kResourceExhausted);
  EXPECT_TRUE(bounded.is_full());
  ASSERT_TRUE(bounded.rewind());
  EXPECT_EQ(*read_all(bounded, 100), text);
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST_F(FilesTest, RefusesWhatIsNoWritableDirectory) {
  std::string id = create("true");
  EXPECT_EQ(put(id, "/none", one_file("f", "x")).error().code(), Code::kNotFound);
  Result<> to_file = put(id, "/etc/passwd", one_file("f", "x"));
  ASSERT_FALSE(to_file);
  EXPECT_EQ(to_file.error().code(), Code::kInvalidArgument);
  CreateRequest wanted = request("true");
  wanted.host_config.readonly_rootfs = true;
  wanted.host_config.binds = {cat("ro-volume:/ro:ro"), "rw-volume:/rw"};
  std::string read_only = create(std::move(wanted));
  Result<> to_root = put(read_only, "/tmp", one_file("f", "x"));
  ASSERT_FALSE(to_root);
  EXPECT_EQ(to_root.error().code(), Code::kPermissionDenied);
  EXPECT_EQ(to_root.error().message(), "container rootfs is marked read-only");
  Result<> to_volume = put(read_only, "/ro", one_file("f", "x"));
  ASSERT_FALSE(to_volume);
  EXPECT_EQ(to_volume.error().message(), "mounted volume is marked read-only");
  EXPECT_TRUE(put(read_only, "/rw", one_file("f", "x")));
  EXPECT_EQ(archive(read_only, "/rw/f"), (Entries{{"f", "x"}}));
}

TEST_F(FilesTest, ADirectoryIsNotReplacedByAFileWhereRefused) {
  std::string id = exited("mkdir /tmp/f");
  Result<> refused = put(id, "/tmp", one_file("f", "x"), {.no_overwrite_dir_non_dir = true});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kInvalidArgument);
}

// The container prepares symlinks that lead to the host; both ways must stay inside.
TEST_F(FilesTest, SymlinksLeadNowhereButInside) {
  Path secret = dir_.path() / "secret";
  std::ofstream(secret) << "host secret";
  std::string host_dir = dir_.path().string();
  std::string id = exited(cat("ln -s ", secret.string(), " /etc/x; ln -s ", host_dir,
                              " /etc/d; ln -s ../../../../../../../..", host_dir, " /etc/up"));
  EXPECT_EQ(archive(id, "/etc/x"), (Entries{{"x", "-> " + secret.string()}}));
  EXPECT_EQ(get(id, "/etc/x/").error().code(), Code::kNotFound);
  EXPECT_EQ(get(id, "/etc/d/secret").error().code(), Code::kNotFound);
  EXPECT_EQ(get(id, "/etc/up/secret").error().code(), Code::kNotFound);
  EXPECT_EQ(put(id, "/etc/d", one_file("planted", "x")).error().code(), Code::kNotFound);
  Result<> through = put(id, "/etc", one_file("d/planted", "x"));
  EXPECT_FALSE(std::filesystem::exists(dir_.path() / "planted"));
  if (through) {
    EXPECT_EQ(archive(id, cat(host_dir, "/planted")), (Entries{{"planted", "x"}}));
  }
  Result<> dots = put(id, "/etc", one_file("../../planted", "x"));
  ASSERT_FALSE(dots);
  EXPECT_EQ(dots.error().code(), Code::kInvalidArgument);
  ASSERT_TRUE(put(id, "/etc", one_file("x", "replaced")));
  ASSERT_TRUE(put(id, "/tmp", one_file("//absolute", "x")));
  EXPECT_EQ(archive(id, "/tmp/absolute"), (Entries{{"absolute", "x"}}));
  EXPECT_EQ(read_file(secret).value_or(""), "host secret");
  EXPECT_EQ(archive(id, "/etc/x"), (Entries{{"x", "replaced"}}));
}

TEST_F(FilesTest, VolumesAreInPlace) {
  CreateRequest wanted = request("echo in > /data/f; echo ready; sleep 100");
  wanted.host_config.binds = {"vol:/data"};
  std::string id = run(std::move(wanted));
  await_log(id, "ready");
  EXPECT_EQ(archive(id, "/data/f"), (Entries{{"f", "in\n"}}));
  ASSERT_TRUE(containers().kill(id, "KILL"));
  EXPECT_EQ(archive(id, "/data/f"), (Entries{{"f", "in\n"}}));
  StringSink tree;
  ASSERT_TRUE(files().export_tree(id, tree, {}));
  EXPECT_FALSE(read_tar(tree.text()).contains("data/f"));
  EXPECT_TRUE(read_tar(tree.text()).contains("bin/busybox"));
}

TEST_F(FilesTest, ChangesAreListed) {
  std::string id = exited("echo x > /new; rm /etc/group; echo >> /etc/passwd");
  auto changes = files().changes(id);
  ASSERT_TRUE(changes);
  std::set<std::string> got;
  for (const snapshot::Change& change : *changes) {
    got.insert(cat("MAD"[static_cast<int>(change.kind)], " ", change.path));
  }
  EXPECT_EQ(got, (std::set<std::string>{"A /new", "M /etc", "M /etc/passwd", "D /etc/group"}));
}

TEST_F(FilesTest, CommitMakesAnImage) {
  CreateRequest wanted = request("echo kept > /kept; echo ready; sleep 100");
  wanted.config.run.env = {"A=1"};
  std::string id = run(std::move(wanted));
  await_log(id, "ready");
  CommitOptions options;
  options.name = oci::Reference::parse("made:1").value();
  options.author = "somebody";
  options.comment = "a message";
  options.changes = {"CMD [\"cat\", \"/kept\"]", "ENV B=2"};
  auto image_id = files().commit(id, options, {});
  ASSERT_TRUE(image_id) << image_id.error().message();
  EXPECT_EQ(info(id).state.status, Status::kRunning);
  auto image = images_->find("made:1");
  ASSERT_TRUE(image);
  EXPECT_EQ(image->id.str(), *image_id);
  EXPECT_EQ(image->parent, images_->find("box")->id.str());
  EXPECT_EQ(image->config.author, "somebody");
  EXPECT_EQ(image->config.config.env, (std::vector<std::string>{"B=2", "A=1"}));
  EXPECT_EQ(image->config.history.back().comment, "a message");
  ASSERT_EQ(image->config.diff_ids.size(), 2U);
  // Where tars are kept, the changes were made a layer in the same pass.
  snapshot::Snapshotter& snapshots = images_->snapshots();
  const bool is_there{snapshots.stat(oci::chain_id(image->config.diff_ids, 2).str())};
  EXPECT_EQ(is_there, snapshots.backend() == snapshot::Backend::kErofs);
  // The same changes again are the same layer.
  const auto again = files().commit(id, options, {});
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(images_->find("made:1")->config.diff_ids, image->config.diff_ids);
  CreateRequest of_made;
  of_made.config.image = "made:1";
  std::string child = run(std::move(of_made));
  EXPECT_EQ(wait(child), 0);
  EXPECT_EQ(logs(child), "kept\n");
}

TEST_F(FilesTest, TwoAtOnceDoNotDisturb) {
  std::string id = exited("seq 1 20000 > /big");
  std::vector<std::thread> readers;
  std::atomic<int> whole = 0;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      auto tar = get(id, "/big");
      if (tar && tar->find("\n20000\n") != std::string::npos) ++whole;
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(whole, 4);
}

}  // namespace
}  // namespace skiff::engine
