// ADD of what comes over the network: files and archives; from a server of our own.
#include <algorithm>

#include "builder/add_fixture.h"
#include "codec/compress.h"

namespace skiff::builder {
namespace {

std::string small_archive(bool packed) {
  StringSink tar;
  TarWriter writer(tar);
  EXPECT_TRUE(writer.add({.name = "in/f", .mode = 0600, .uid = 1, .gid = 2, .size = 1}));
  EXPECT_TRUE(writer.write_body("x") && writer.finish());
  if (!packed) return tar.take();
  StringSink out;
  auto zstd = make_zstd_sink(out);
  EXPECT_TRUE(zstd->write(tar.text()) && zstd->finish());
  return out.take();
}

TEST_F(Add, AFileOfTheWebHasItsNameModeAndTime) {
  serve("a.txt", "A");
  images::Image image = after(cat("ADD ", url("/a.txt?x=1"), " /d/"));
  EXPECT_EQ(tree(image), "d 755 0:0 d\nf 600 0:0 d/a.txt");
  EXPECT_NE(tree(image, "%P %T@").find("d/a.txt 1445412480.0000000000"), std::string::npos);
}

// SOURCE_DATE_EPOCH=context: what the server says, else what is newest in the archive.
TEST_F(Add, AFetchedContextGivesItsTime) {
  StringSink tar;
  TarWriter writer(tar);
  const std::string lines = "FROM scratch\nCOPY f /\n";
  const auto at = [](int64_t seconds) { return TimePoint(std::chrono::seconds(seconds)); };
  EXPECT_TRUE(writer.add({.name = "Dockerfile", .size = lines.size(), .mtime = at(900'000'000)}));
  EXPECT_TRUE(writer.write_body(lines));
  EXPECT_TRUE(writer.add({.name = "f", .mtime = at(1'000'000'000)}));
  const TarEntry directory{.name = "d", .type = TarType::kDirectory, .mtime = at(1'100'000'000)};
  EXPECT_TRUE(writer.add(directory) && writer.finish());
  serve("a.fresh", tar.text());
  serve("a.dated", tar.text());
  fresh_ = "";
  BuildRequest wanted;
  wanted.build_args["SOURCE_DATE_EPOCH"] = "context";
  wanted.context_url = url("/a.fresh");
  EXPECT_EQ(built(wanted).config.created, at(1'000'000'000));
  wanted.context_url = url("/a.dated");
  EXPECT_EQ(built(wanted).config.created, at(1'445'412'480));
}

// SOURCE_DATE_EPOCH=NAME: what has that name may be a context or a stage.
TEST_F(Add, ASourceThatIsNamedGivesItsTime) {
  serve("a.dated", "A");
  const auto dated = TimePoint(std::chrono::seconds(1'445'412'480));
  BuildRequest wanted = request(cat("ARG WHERE=", url("/a.dated"),
                                    "\nFROM scratch AS Source\nARG WHERE\nARG NAME=$WHERE\n"
                                    "ADD $NAME /\nFROM scratch\nENV A=1\n"));
  wanted.build_args["SOURCE_DATE_EPOCH"] = "source";
  EXPECT_EQ(built(wanted).config.created, dated);
  const std::string sum = "sha256:559aead08264d5795d3909718cdd05abd49572e84fe55590eef31a88a08fdffd";
  const auto with_sum = [&](const std::string& digest) {
    BuildRequest checked = request(cat("FROM scratch AS s\nADD --checksum=", digest, " ",
                                       url("/a.dated"), " /\nFROM scratch\nENV A=1\n"));
    checked.build_args["SOURCE_DATE_EPOCH"] = "s";
    return checked;
  };
  EXPECT_EQ(built(with_sum(sum)).config.created, dated);
  EXPECT_NE(error_of(with_sum(cat("sha256:", std::string(64, '0')))).find("digest mismatch"),
            std::string::npos);
  wanted = request("ARG SOURCE_DATE_EPOCH=n\nFROM scratch\nENV A=1\n");
  wanted.named_contexts["n"] = RemoteContext{url("/a.dated")};
  EXPECT_EQ(built(wanted).config.created, dated);
  // A directory has no time.
  wanted.named_contexts["n"] = LocalFiles{context()};
  EXPECT_GT(built(wanted).config.created, dated);
}

// What ADD only copies need not be an archive that can be read, nor is it looked at before it is
// known to be the right one.
TEST_F(Add, AnArchiveThatGivesItsTimeIsNotUnpacked) {
  // One entry, and then what is none.
  const std::string archive = small_archive(false).substr(0, 1024) + std::string(1024, 'x');
  serve("bad.tar.dated", archive);
  serve("bad.tar.fresh", archive);
  const auto dated = TimePoint(std::chrono::seconds(1'445'412'480));
  const auto of = [&](const std::string& flags, const std::string& name) {
    BuildRequest wanted = request(cat("FROM scratch AS s\nADD ", flags, " ", url(name),
                                      " /a\nFROM scratch\nCOPY --from=s /a /\n"));
    wanted.build_args["SOURCE_DATE_EPOCH"] = "s";
    return wanted;
  };
  EXPECT_EQ(built(of("", "/bad.tar.dated")).config.created, dated);
  fresh_ = "";
  EXPECT_GT(built(of("", "/bad.tar.fresh")).config.created, dated);
  const std::string other = cat("--checksum=sha256:", std::string(64, '0'));
  EXPECT_NE(error_of(of(other, "/bad.tar.fresh")).find("digest mismatch"), std::string::npos);
}

// The server has another file for each that asks.
TEST_F(Add, TheTimeAndTheFileAreOfOneAnswer) {
  net::TestServer changing([&, asked = 0](net::Request&, net::ResponseWriter& w) mutable {
    w.headers().set("Last-Modified", cat("Wed, 21 Oct 2015 07:28:0", ++asked, " GMT"));
    EXPECT_TRUE(w.send(200, "application/octet-stream", cat(asked)));
  });
  BuildRequest wanted = request(cat("FROM scratch AS s\nADD ", changing.url("/a"),
                                    " /a\nFROM scratch\nCOPY --from=s /a /\n"));
  wanted.build_args["SOURCE_DATE_EPOCH"] = "s";
  const images::Image image = built(wanted);
  EXPECT_EQ(unix_seconds(image.config.created), 1'445'412'481);
  EXPECT_EQ(text_in(image, "a"), "1");
}

TEST_F(Add, ItsChecksumIsChecked) {
  serve("a.txt", "A");
  const std::string good = cat("sha256:", sha256_hex("A"));
  EXPECT_EQ(text_in(after(cat("ADD --checksum=", good, " ", url("/a.txt"), " /a")), "a"), "A");
  serve("a.txt", "B");
  const std::string error = failure(cat("ADD --checksum=", good, " ", url("/a.txt"), " /a"));
  EXPECT_NE(error.find("digest mismatch"), std::string::npos) << error;
  EXPECT_NE(error.find(sha256_hex("B")), std::string::npos) << error;
}

TEST_F(Add, OnlyContentDecidesWhetherItIsCached) {
  serve("a.txt", "A");
  const std::string lines = cat("ADD ", url("/a.txt"), " /a");
  after(lines);
  after(lines);
  EXPECT_EQ(told_.cached, std::vector<int>{2});
  serve("a.txt", "B");
  after(lines);
  EXPECT_EQ(told_.missed[2], "a.txt changed");
}

TEST_F(Add, WhatTheServerHasUnchangedIsNotSentAgain) {
  serve("a.txt", "A");
  serve("b.weak", "B");
  const std::string lines = cat("ADD ", url("/a.txt"), " ", url("/b.weak"), " /\n");
  after(lines);
  EXPECT_EQ(not_modified_, 0);
  const images::Image again = after(cat("ENV A=1\n", lines));
  EXPECT_EQ(not_modified_, 1);
  EXPECT_EQ(text_in(again, "a.txt"), "A");
  EXPECT_NE(tree(again, "%P %T@").find("a.txt 1445412480.0000000000"), std::string::npos);
  EXPECT_EQ(text_in(after(cat("ADD --checksum=sha256:", sha256_hex("A"), " ", url("/a.txt"), " /")),
                    "a.txt"),
            "A");
  EXPECT_EQ(not_modified_, 2);
  serve("a.txt", "C");
  EXPECT_EQ(text_in(after(cat("ENV A=2\n", lines)), "a.txt"), "C");
  const auto records = builder_->disk_usage();
  const auto download = std::ranges::find_if(
      *records, [](const CacheRecord& one) { return one.description.starts_with("download of "); });
  ASSERT_NE(download, records->end());
  const auto pruned = builder_->prune({});
  EXPECT_NE(std::ranges::find(pruned->removed, download->id), pruned->removed.end());
  const int before = not_modified_;
  after(cat("ENV A=3\n", lines));
  EXPECT_EQ(not_modified_, before);
}

TEST_F(Add, ATimeTellsWhereThereIsNoETag) {
  serve("a.dated", "A");
  serve("b.fresh", "B");
  const std::string lines = cat("ADD ", url("/a.dated"), " ", url("/b.fresh"), " /\n");
  after(lines);
  EXPECT_EQ(not_modified_, 0);
  const images::Image again = after(cat("ENV A=1\n", lines));
  EXPECT_EQ(not_modified_, 1);
  EXPECT_EQ(text_in(again, "a.dated") + text_in(again, "b.fresh"), "AB");
  EXPECT_NE(tree(again, "%P %T@").find("a.dated 1445412480.0000000000"), std::string::npos);
}

// The bytes that stay are those used last, whatever they are.
TEST_F(Add, PruningKeepsAsManyBytesOfDownloads) {
  serve("a.txt", std::string(100'000, 'a'));
  after(cat("ADD ", url("/a.txt"), " /\n"));
  const auto is_here = [&] {
    const auto records = builder_->disk_usage();
    return std::ranges::any_of(
        *records, [](const CacheRecord& one) { return one.kind == CacheRecord::Kind::kDownload; });
  };
  ASSERT_TRUE(builder_->prune({.max_used_bytes = uint64_t{1} << 30U}));
  EXPECT_TRUE(is_here());
  ASSERT_TRUE(builder_->prune({.max_used_bytes = 1000}));
  EXPECT_FALSE(is_here());
}

TEST_F(Add, UnpackIsAskedForOrRefused) {
  serve("a.tar.zst", small_archive(true));
  write("a.tar", small_archive(false));
  const std::string remote = url("/a.tar.zst");
  EXPECT_EQ(tree(after(cat("ADD ", remote, " /a"))), "f 600 0:0 a");
  EXPECT_EQ(tree(after(cat("ADD --unpack ", remote, " /a"))),
            "d 755 0:0 a\nd 755 0:0 a/in\nf 600 1:2 a/in/f");
  EXPECT_EQ(tree(after("ADD --unpack=false a.tar /a")), "f 644 0:0 a");
  // A directory that the archive does not name is root's.
  EXPECT_EQ(tree(after("ADD --chown=5:6 a.tar /a")),
            "d 755 0:0 a/in\nd 755 5:6 a\nf 600 5:6 a/in/f");
}

TEST_F(Add, ErrorsTellNoLogins) {
  serve("a.txt", "A");
  serve("broken.tar.gz", "\x1f\x8b\x08zzzz");
  const auto with_login = [&](const std::string& path) {
    return cat("http://ana:planted@", url(path).substr(7), "?planted");
  };
  BuildRequest wanted =
      request(cat("ARG FROM\nFROM scratch\nARG FROM\nADD --checksum=sha256:", std::string(64, '0'),
                  " $FROM /\n"));
  for (const char* path : {"/a.txt", "/none"}) {
    wanted.build_args["FROM"] = with_login(path);
    const std::string error = error_of(wanted);
    EXPECT_NE(error.find(url(path)), std::string::npos) << error;
    EXPECT_EQ(error.find("planted"), std::string::npos) << error;
  }
  BuildRequest of_context;
  for (const std::string& text :
       {with_login("/broken.tar.gz"), with_login("/none"), std::string("ftp://ana:planted@h/a")}) {
    of_context.context_url = text;
    const std::string error = error_of(of_context);
    EXPECT_EQ(error.find("planted"), std::string::npos) << error;
  }
}

TEST_F(Add, AFailureOfTheServerIsNamed) {
  EXPECT_NE(failure(cat("ADD ", url("/none"), " /a")).find("the server answered 404"),
            std::string::npos);
}

}  // namespace
}  // namespace skiff::builder
