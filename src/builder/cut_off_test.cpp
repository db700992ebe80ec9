// Early cut-off: a step that gives the files of before leaves what follows in the cache.
#include "builder/run_fixture.h"

namespace skiff::builder {
namespace {

class CutOff : public RunFixture {
 protected:
  // Builds both; the first instruction differs, all that follow must be found again.
  images::Image expect_cut_off(const std::string& first, const std::string& second,
                               const std::string& rest = "RUN echo y > /y\nWORKDIR /z\n") {
    const images::Image before = built(cat("FROM base:1\n", first, "\n", rest));
    const images::Image after = built(cat("FROM base:1\n", second, "\n", rest));
    EXPECT_EQ(told_.missed.contains(2), true);
    EXPECT_EQ(told_.cached.size(), split(trim(rest), '\n').size()) << second;
    EXPECT_EQ(before.config.diff_ids, after.config.diff_ids);
    return after;
  }
};

TEST_F(CutOff, Run) {
  const images::Image image = expect_cut_off("RUN echo x > /x", "RUN echo  x > /x");
  EXPECT_EQ(image.config.history[1].created_by, "RUN /bin/sh -c echo  x > /x # buildkit");
  EXPECT_EQ(text_in(image, "x"), "x\n");
  expect_cut_off("RUN mkdir -p /d/e && echo x > /d/e/x",
                 "RUN mkdir /d; mkdir /d/e; echo x > /d/e/x");
}

TEST_F(CutOff, RunThatIsTrulyAnotherOne) {
  const std::string rest = "\nRUN echo y > /y";
  const char* const pairs[][2] = {
      {"RUN echo 1 > /x", "RUN echo 2 > /x"},
      {"RUN echo x > /x", "RUN echo x > /x2"},
      {"RUN touch -d 2001-01-01 /x", "RUN touch -d 2001-01-02 /x"},
      {"RUN touch -d 2040-01-01 /x", "RUN touch -d 2040-01-02 /x"},
      {"RUN echo x > /x", "RUN echo x > /x && chown app /x"},
  };
  for (const auto& [first, second] : pairs) {
    built(cat("FROM base:1\n", first, rest));
    built(cat("FROM base:1\n", second, rest));
    EXPECT_EQ(told_.cached, std::vector<int>()) << second;
  }
}

TEST_F(CutOff, CopyAndAddOfTouchedFiles) {
  write("a", "A");
  for (const std::string word : {"COPY", "ADD"}) {
    expect_cut_off(cat(word, " a /x"), cat(word, " ./a /x"));
    built(cat("FROM base:1\n", word, " a /x\nRUN echo ", word, " > /y"));
    const timespec times[2] = {{5, 0}, {5, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (context() / "a").c_str(), times, 0), 0);
    built(cat("FROM base:1\n", word, " a /../x\nRUN echo ", word, " > /y"));
    EXPECT_EQ(told_.cached, std::vector<int>{3}) << word;
  }
}

TEST_F(CutOff, Workdir) {
  write("a", "A");
  for (const char* user : {"root", "0"}) {
    built(cat("FROM base:1\nUSER ", user, "\nWORKDIR /w/x\nCOPY a /y\n"));
  }
  EXPECT_EQ(told_.missed[3], "user changed");
  EXPECT_EQ(told_.cached, std::vector<int>{4});
}

// The copy has the bytes of the layer that it copies, which is older by more than its own making.
TEST_F(CutOff, AcrossStages) {
  const std::string rest =
      "\nFROM base:1\nCOPY --from=one /x /x\nRUN echo y > /y\nRUN --mount=from=one,target=/m true";
  built(cat("FROM base:1 AS one\nRUN echo x > /x\nRUN sleep 1", rest));
  built(cat("FROM base:1 AS one\nRUN echo  x > /x\nRUN sleep 1", rest));
  EXPECT_EQ(told_.cached, (std::vector<int>{3, 5, 6, 7}));
}

TEST_F(CutOff, NotWithNoCache) {
  BuildRequest wanted = request("FROM base:1\nRUN echo x > /x");
  const images::Image before = built(wanted);
  wanted.no_cache = true;
  EXPECT_NE(built(wanted).config.diff_ids, before.config.diff_ids);
}

}  // namespace
}  // namespace skiff::builder
