// Builds each tests/golden/builds/*.dockerfile and compares with its .expect file: the image's
// tree, config and history, or the error. SKIFF_ACCEPT_GOLDEN=1 writes the files anew. Comments
// at the top are the context and what is asked for:
//   #: file PATH MODE TEXT     with \n, \t and \0 in it
//   #: dir PATH MODE           #: link PATH TARGET     #: hard PATH OF
//   #: arg NAME=VALUE          #: target STAGE         #: label NAME=VALUE
//   #: call check|outline|targets
//   #: secret ID VALUE         #: allow ENTITLEMENT
//   #: named NAME SOURCE       a named context: docker-image://IMAGE, or a directory of the context
//   #: show PATH               a file of the image, whose text is expected, too
// base:1 is busybox with a few users.
#include <cstdlib>
#include <fstream>

#include "builder/build_fixture.h"

namespace skiff::builder {
namespace {

std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out.push_back(text[i]);
      continue;
    }
    const char c = text[++i];
    out.push_back(c == 'n' ? '\n' : c == 't' ? '\t' : c == '0' ? '\0' : c);
  }
  return out;
}

class BuildGolden : public BuildFixture {
 protected:
  void SetUp() override {
    BuildFixture::SetUp();
    if (::access("/usr/bin/busybox", X_OK) != 0) return;
    has_base_ = true;
    std::filesystem::create_directories(context() / "bin");
    std::filesystem::copy("/usr/bin/busybox", context() / "bin/busybox");
    for (const char* applet :
         {"sh", "cat",   "echo", "id",    "ls",     "test", "touch", "pwd",     "env",
          "rm", "mkdir", "stat", "head",  "chown",  "find", "sort",  "mount",   "grep",
          "cp", "mv",    "ln",   "chmod", "printf", "wc",   "tr",    "readlink"}) {
      std::filesystem::create_symlink("busybox", context() / "bin" / applet);
    }
    write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home:/bin/sh\n");
    write("etc/group", "root:x:0:\napp:x:1001:\nextra:x:2000:app\n");
    BuildRequest base = request("FROM scratch\nCOPY . /\n");
    base.tags = {*oci::Reference::parse("base:1")};
    built(base);
  }

  std::string outcome_of(const Path& file);
  std::string describe(const images::Image& image);
  void obey(const std::string& line);

  bool has_base_ = false;
  BuildRequest wanted_;
  std::vector<std::string> shown_;
  std::optional<Question> question_;
};

void BuildGolden::obey(const std::string& line) {
  auto [command, rest] = *split_once(line, ' ');
  auto parts = split_once(rest, ' ');
  const std::string first(parts ? parts->first : rest);
  const std::string second(parts ? parts->second : "");
  const Path path = context() / first;
  if (command == "file") {
    auto words = split_once(second, ' ');
    const auto mode = static_cast<mode_t>(*parse_uint(words ? words->first : second, 8));
    write(first, unescape(words ? words->second : ""), mode);
  } else if (command == "dir") {
    std::filesystem::create_directories(path);
    ASSERT_EQ(::chmod(path.c_str(), static_cast<mode_t>(*parse_uint(second, 8))), 0);
  } else if (command == "link") {
    std::filesystem::create_directories(path.parent_path());
    std::filesystem::create_symlink(second, path);
  } else if (command == "hard") {
    std::filesystem::create_hard_link(context() / second, path);
  } else if (command == "arg") {
    auto pair = *split_once(rest, '=');
    wanted_.build_args[std::string(pair.first)] = std::string(pair.second);
  } else if (command == "label") {
    auto pair = *split_once(rest, '=');
    wanted_.labels[std::string(pair.first)] = std::string(pair.second);
  } else if (command == "target") {
    wanted_.target = first;
  } else if (command == "secret") {
    wanted_.secrets[first] = second;
  } else if (command == "allow") {
    wanted_.entitlements.insert(first);
  } else if (command == "call") {
    question_ = first == "check"     ? Question::kChecks
                : first == "outline" ? Question::kOutline
                                     : Question::kTargets;
  } else if (command == "named") {
    constexpr std::string_view kImage = "docker-image://";
    wanted_.named_contexts[first] = LocalFiles{context() / second};
    if (second.starts_with(kImage)) {
      wanted_.named_contexts[first] = ImageContext{second.substr(kImage.size())};
    }
  } else if (command == "show") {
    shown_.push_back(first);
  } else {
    FAIL() << "what is " << line;
  }
}

std::string BuildGolden::describe(const images::Image& image) {
  std::string out;
  // Of base:1 only what changed.
  for (const std::string& line : split(tree(image, "%y %m %U:%G %n %P -> %l"), '\n')) {
    std::vector<std::string> words = split(line, ' ');
    if (words.size() < 5 || words[4].starts_with("bin")) continue;
    const bool link = words[0] == "l";
    const std::string links = words[0] == "f" && words[3] != "1" ? cat(" names=", words[3]) : "";
    out += cat(words[0], " ", words[1], " ", words[2], " ", words[4],
               link ? cat(" -> ", words.back()) : "", links, "\n");
  }
  for (const std::string& path : shown_) {
    out += cat("text of ", path, ": ", skiff::quoted(text_in(image, path)), "\n");
  }
  out += cat("config ", image.config.config.to_json().dump(), "\n");
  for (const oci::History& entry : image.config.history) {
    out += cat("history ", entry.empty_layer ? "(empty) " : "", entry.created_by, "\n");
  }
  return out;
}

std::string BuildGolden::outcome_of(const Path& file) {
  std::filesystem::remove_all(context());
  std::filesystem::create_directories(context());
  const std::string text = read_file(file).value();
  wanted_ = request(text);
  shown_.clear();
  question_.reset();
  for (const std::string& line : split(text, '\n')) {
    if (!line.starts_with('#')) break;
    if (line.starts_with("#: ")) obey(line.substr(3));
  }
  if (question_) {
    auto answer = builder_->inspect(wanted_, *question_, {});
    if (!answer) return cat("ERROR ", answer.error().message(), "\n");
    if (!answer->failure) return answer->text;
    return cat(answer->text, "ERROR ", answer->failure->message(), "\n");
  }
  auto result = build(wanted_);
  std::string out;
  for (const std::string& warning : told_.warnings) out += cat("warning ", warning, "\n");
  if (!told_.output.empty()) out += cat("output ", skiff::quoted(told_.output), "\n");
  if (!result) return cat(out, "ERROR ", result.error().message(), "\n");
  return cat(out, describe(*images_->find(result->id.str())));
}

TEST_F(BuildGolden, EachFileBuildsAsExpected) {
  const bool accept = std::getenv("SKIFF_ACCEPT_GOLDEN") != nullptr;
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/golden/builds")) {
    if (entry.path().extension() != ".dockerfile") continue;
    SCOPED_TRACE(entry.path().string());
    ++count;
    const bool wants_base = read_file(entry.path())->find("base:1") != std::string::npos;
    if (wants_base && !has_base_) continue;  // busybox is not installed
    const std::string shown = outcome_of(entry.path());
    const Path expected = Path(entry.path()).replace_extension(".expect");
    if (accept) std::ofstream(expected) << shown;
    EXPECT_EQ(shown, read_file(expected).value_or("(no .expect file)"));
  }
  EXPECT_GE(count, 100);
}

}  // namespace
}  // namespace skiff::builder
