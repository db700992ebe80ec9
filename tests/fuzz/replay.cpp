// Feeds every file of the folders named as arguments to the fuzz target this is linked with, so
// that the suite replays the corpora without libFuzzer. Each input is named before it runs: the
// last name printed is the one that crashed. Ends with a line as GoogleTest's, for scripts/test.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const char* data, size_t size);

namespace {

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

void feed(const std::filesystem::path& path) {
  std::printf("%s\n", path.c_str());
  std::fflush(stdout);
  std::ifstream file(path, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

int replay(int folders, char** names) {
  size_t inputs = 0;
  for (int i = 0; i < folders; ++i) {
    if (!std::filesystem::is_directory(names[i])) continue;  // no seeds but the golden files
    for (const auto& path : files_in(names[i])) {
      feed(path);
      ++inputs;
    }
  }
  if (inputs == 0) {
    std::fputs("replay: the folders named hold no file\n", stderr);
    return 1;
  }
  std::printf("[  PASSED  ] 1 test (%zu inputs)\n", inputs);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return replay(argc - 1, argv + 1);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "replay: %s\n", error.what());
    return 1;
  }
}
