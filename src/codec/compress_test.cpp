#include "codec/compress.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <random>

#include "base/random.h"
#include "base/strings.h"
#include "codec/gzip_identity.h"
#include "codec/gzip_member.h"
#include "codec/hash.h"
#include "codec/test_programs.h"

namespace skiff {
namespace {

// Gives its text in pieces of a few bytes, as a slow connection does.
class Dripping : public Source {
 public:
  Dripping(std::string_view text, size_t piece) : rest_(text), piece_(piece) {}
  Result<size_t> read(std::span<char> buffer) override {
    return rest_.read(buffer.first(std::min(piece_, buffer.size())));
  }

 private:
  StringSource rest_;
  size_t piece_;
};

Result<std::string> decompress(std::string_view bytes) {
  StringSource source(bytes);
  const auto plain = TRY(open_decompressed(source));
  return read_all(*plain, size_t{64} << 20U);
}

std::string compress(std::unique_ptr<CompressingSink> (*make)(Sink&), std::string_view bytes,
                     size_t piece = SIZE_MAX) {
  StringSink out;
  const auto sink = make(out);
  for (size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size() - at)) {
    EXPECT_TRUE(sink->write(bytes.substr(at, piece)));
  }
  EXPECT_TRUE(sink->finish());
  return out.take();
}

// Some that compresses well, some that does not; more than one member of the gzip writer.
std::string sample() {
  std::string text;
  for (int i = 0; text.size() < 2'000'000; ++i) text += cat("line ", i, " of the sample\n");
  return text.insert(1'200'000, random_bytes(200'000));
}

struct Format {
  const char* name;
  const char* program;  // compresses stdin to stdout
  Compression compression;
};
constexpr Format kFormats[] = {{"gzip", "gzip", Compression::kGzip},
                               {"gzip fast", "gzip -1", Compression::kGzip},
                               {"zstd", "zstd -q", Compression::kZstd},
                               {"zstd long", "zstd -q --long=27 -7", Compression::kZstd},
                               {"bzip2", "bzip2", Compression::kBzip2},
                               {"xz", "xz", Compression::kXz},
                               {"xz multi-block", "xz -T2 --block-size=300000", Compression::kXz}};

class Compressed : public ProgramTest, public testing::WithParamInterface<Format> {
 protected:
  std::string by_program(std::string_view bytes) {
    put("in", bytes);
    return in_dir(cat(GetParam().program, " < in"));
  }
};

TEST_P(Compressed, WhatTheProgramMakesIsRead) {
  const std::string text = sample();
  const std::string bytes = by_program(text);
  EXPECT_EQ(detect_compression(bytes), GetParam().compression);
  EXPECT_TRUE(*decompress(bytes) == text);
  Dripping slow(bytes, 97);
  EXPECT_TRUE(*read_all(**open_decompressed(slow), text.size()) == text);
}

TEST_P(Compressed, NothingIsSomethingToo) { EXPECT_EQ(*decompress(by_program("")), ""); }

TEST_P(Compressed, SeveralStreamsFollowOneAnother) {
  const std::string a = by_program("first ");
  const std::string b = by_program("second");
  EXPECT_EQ(*decompress(a + b), "first second");
  EXPECT_EQ(*decompress(by_program("") + a + by_program("") + b), "first second");
}

TEST_P(Compressed, CutAnywhereItIsAnError) {
  const std::string whole = by_program(random_bytes(2000));
  // What is too short to tell its format passes for plain text.
  for (size_t length = 6; length < whole.size(); ++length) {
    const auto plain = decompress(std::string_view(whole).substr(0, length));
    ASSERT_FALSE(plain) << length;
    EXPECT_EQ(plain.error().code(), Code::kDataLoss) << plain.error().message();
  }
}

TEST_P(Compressed, DamageIsAnErrorOrChangesNothing) {
  const std::string text = random_bytes(3000) + std::string(3000, 'x');
  const std::string whole = by_program(text);
  for (size_t at = 6; at < whole.size(); at += 7) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    const auto plain = decompress(damaged);
    // A name or time in a header may change without harm.
    const bool is_whole = plain && *plain == text;
    EXPECT_TRUE(is_whole || plain.error().code() == Code::kDataLoss) << at;
  }
}

TEST_P(Compressed, WhatFollowsMustBeAStreamOrPadding) {
  const std::string whole = by_program("text");
  EXPECT_FALSE(decompress(whole + "rubbish that is no stream"));
}

std::string name_of(const testing::TestParamInfo<Format>& of) {
  return replace_all(replace_all(of.param.name, " ", "_"), "-", "_");
}
INSTANTIATE_TEST_SUITE_P(Programs, Compressed, testing::ValuesIn(kFormats), name_of);

TEST(Compress, OtherTextIsPassedThrough) {
  for (const std::string& text : {std::string(), std::string("x"), std::string("plain"),
                                  std::string("\x1f"), std::string("BZ"), std::string(1000, 'p')}) {
    EXPECT_EQ(detect_compression(text), Compression::kNone);
    EXPECT_EQ(*decompress(text), text);
  }
}

TEST(Compress, ZerosMayPadTheLastGzipMember) {
  const std::string whole = compress(make_gzip_sink, "text");
  EXPECT_EQ(*decompress(whole + std::string(1000, '\0')), "text");
  EXPECT_FALSE(decompress(whole + std::string(10, '\0') + whole));
}

TEST(Compress, ASkippableFrameMayBeginZstd) {
  using namespace std::string_literals;
  const std::string skippable = "\x50\x2a\x4d\x18\x04\0\0\0abcd"s;
  EXPECT_EQ(*decompress(skippable + compress(make_zstd_sink, "text")), "text");
}

class CompressPrograms : public ProgramTest {};

TEST_F(CompressPrograms, ReadWhatWeMake) {
  const std::string text = sample();
  put("text", text);
  put("gz", compress(make_gzip_sink, text));
  put("zst", compress(make_zstd_sink, text));
  in_dir("gzip -d < gz | cmp - text; zstd -q -d < zst | cmp - text; gzip -t < gz");
  put("empty", compress(make_gzip_sink, ""));
  EXPECT_EQ(in_dir("gzip -d < empty"), "");
}

TEST(Compress, WhatExpandsBeyondItsLimitIsRefused) {
  const std::string zeros(4'000'000, '\0');
  const auto expand = [](const std::string& bytes, const ExpansionLimit& limit) {
    StringSource source(bytes);
    const auto plain = open_decompressed(source, limit);
    return read_all(**plain, 100'000'000);
  };
  const std::string gzip = compress(make_gzip_sink, zeros);
  EXPECT_EQ(*expand(gzip, {.bytes = zeros.size()}), zeros);
  const auto too_many = expand(gzip, {.bytes = zeros.size() - 1});
  EXPECT_EQ(too_many.error().code(), Code::kResourceExhausted);
  const std::string zstd = compress(make_zstd_sink, zeros);
  EXPECT_EQ(*expand(zstd, {.ratio = 2, .any_ratio = zeros.size()}), zeros);
  const auto too_fast = expand(zstd, {.ratio = 2, .any_ratio = zeros.size() - 1});
  EXPECT_EQ(too_fast.error().code(), Code::kResourceExhausted);
  EXPECT_EQ(*expand(zstd, {.ratio = 100'000, .any_ratio = 0}), zeros);
  // What is not compressed cannot be a bomb.
  EXPECT_EQ(expand(zeros, {.bytes = 1, .ratio = 1, .any_ratio = 0})->size(), zeros.size());
}

TEST(Compress, TheSameInputGivesTheSameBytesHoweverItComes) {
  const std::string text = sample();
  for (const auto make : {make_gzip_sink, make_zstd_sink}) {
    const std::string whole = compress(make, text);
    EXPECT_TRUE(compress(make, text) == whole);
    EXPECT_TRUE(compress(make, text, 4096 + 1) == whole);
  }
  // No name, no time: known bytes, on every machine.
  EXPECT_EQ(to_hex(compress(make_gzip_sink, "")), "1f8b08000000000000ff010000ffff0000000000000000");
}

// A layer has one digest, whatever machine compressed it.
class CompressThreads : public testing::TestWithParam<Compression> {};

TEST_P(CompressThreads, AnyNumberOfThemGivesTheSameBytes) {
  std::string text = sample() + sample();
  for (int i = 0; i < 5; ++i) text += random_bytes(300'000) + std::string(500'000, 'z');
  text += text;  // several of zstd's jobs
  const auto by = [&](size_t threads, size_t piece) {
    StringSink out;
    const auto sink = make_compressing_sink(out, {.compression = GetParam(), .level = 2}, threads);
    for (size_t at = 0; at < text.size(); at += piece) {
      EXPECT_TRUE(sink->write(std::string_view(text).substr(at, piece)));
    }
    EXPECT_TRUE(sink->finish());
    return out.take();
  };
  const std::string alone = by(1, text.size());
  EXPECT_EQ(*decompress(alone), text);
  for (const size_t threads : {2, 3, 8, 16}) {
    for (const size_t piece : {text.size(), size_t{65'537}}) {
      EXPECT_TRUE(by(threads, piece) == alone) << threads << " threads, pieces of " << piece;
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Formats, CompressThreads,
                         testing::Values(Compression::kGzip, Compression::kZstd,
                                         Compression::kNone));

TEST(Compress, LevelsAreOfTheFormat) {
  const std::string text = sample();
  const auto size = [&](Compression compression, int level) {
    StringSink out;
    const auto sink = make_compressing_sink(out, {.compression = compression, .level = level});
    EXPECT_TRUE(sink->write(text));
    EXPECT_TRUE(sink->finish());
    EXPECT_EQ(*decompress(out.text()), text);
    return out.text().size();
  };
  EXPECT_GT(size(Compression::kGzip, 1), size(Compression::kGzip, 9));
  EXPECT_NE(size(Compression::kZstd, 1), size(Compression::kZstd, 19));
  EXPECT_TRUE(check_form({.compression = Compression::kZstd, .level = 22}));
  EXPECT_EQ(check_form({.compression = Compression::kGzip, .level = 10}).error().message(),
            "level 10: gzip has 0 to 9");
  EXPECT_FALSE(check_form({.compression = Compression::kZstd, .level = 0}));
  EXPECT_FALSE(check_form({.compression = Compression::kXz, .level = {}}));
}

TEST(GzipIdentity, NamesTheLibraryAndWhatItDoes) {
  const std::string identity = gzip_identity();
  EXPECT_TRUE(identity.starts_with(cat(gzip_library(), ", level 4, 1048576, "))) << identity;
  EXPECT_EQ(split(identity, ' ').back().size(), 16U);
}

// The sample goes through all that a layer may: compressed, stored within what is compressed, and
// members that are stored whole.
TEST(GzipIdentity, TheSampleHasAllKindsOfData) {
  const std::string sample = gzip_sample();
  ASSERT_GT(sample.size(), 2 * kGzipMemberInput);
  const auto packed = [&](size_t from, size_t size) {
    return compress_gzip_member(sample.substr(from, size)).size();
  };
  EXPECT_LT(packed(0, kGzipMemberInput), kGzipMemberInput / 2);
  EXPECT_GT(packed(kGzipMemberInput, kGzipMemberInput), kGzipMemberInput);
  const size_t noise = kGzipMemberInput / 8 + 1024;
  EXPECT_GT(packed(noise, 32 << 10), 32 << 10);
  EXPECT_EQ(sample, gzip_sample());
}

// Members whose samples do not become smaller are stored; all others are compressed.
TEST(Compress, GzipStoresWhatDoesNotBecomeSmaller) {
  std::mt19937_64 random(7);
  std::string noise(kGzipMemberInput, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  const std::string stored = compress_gzip_member(noise, 4);
  EXPECT_GT(stored.size(), noise.size());  // not even tried
  EXPECT_LT(stored.size(), noise.size() + noise.size() / 1000 + 64);
  EXPECT_EQ(*decompress(stored), noise);
  const std::string text(kGzipMemberInput, 'a');
  const std::string mixed = noise.substr(0, noise.size() / 2) + text.substr(0, text.size() / 2);
  EXPECT_LT(compress_gzip_member(mixed, 4).size(), mixed.size() * 6 / 10);
  EXPECT_EQ(*decompress(compress_gzip_member(mixed, 4)), mixed);
}

RC_GTEST_PROP(Compress, ComesBack, (const std::string& text)) {
  RC_ASSERT(*decompress(compress(make_gzip_sink, text)) == text);
  RC_ASSERT(*decompress(compress(make_zstd_sink, text)) == text);
}

RC_GTEST_PROP(Compress, AnyBytesAreReadOrRefused, (std::string bytes)) {
  const auto magic = *rc::gen::element<std::string>("\x1f\x8b\x08", "\x28\xb5\x2f\xfd", "BZh9",
                                                    std::string("\xfd\x37zXZ\0", 6));
  const auto plain = decompress(magic + bytes);
  if (!plain) RC_ASSERT(plain.error().code() == Code::kDataLoss);
}

}  // namespace
}  // namespace skiff
