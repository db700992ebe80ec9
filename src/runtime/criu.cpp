#include "runtime/criu.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/strings.h"
#include "sys/process.h"

namespace skiff::runtime {

namespace {

constexpr size_t kLogLimit = size_t{16} << 20U;
constexpr size_t kMostErrors = 4;
constexpr uint64_t kMostLogged = 4;
constexpr const char* kConfigAnnotation = "org.criu.config";
constexpr const char* kSystemConfig = "/etc/criu/runc.conf";

std::string log_name(const std::string& action) { return action + ".log"; }

}  // namespace

Result<CriuFiles> CriuFiles::open(const CheckpointOptions& options) {
  CriuFiles files;
  files.images = TRY(open_file(options.images, O_RDONLY | O_DIRECTORY));
  files.work = TRY(open_file(options.work, O_RDONLY | O_DIRECTORY));
  return files;
}

std::vector<std::string> criu_command(const CheckpointOptions& options) {
  return {options.criu, "swrk", cat(static_cast<int>(CriuFd::kSocket))};
}

CriuOptions common_options(const CheckpointOptions& options, int images, int work,
                           const OciConfig& config, const std::string& action) {
  CriuOptions words;
  words.set(CriuOption::kImagesFd, static_cast<uint64_t>(images))
      .set(CriuOption::kWorkFd, static_cast<uint64_t>(work))
      .set(CriuOption::kLogFile, log_name(action))
      .set(CriuOption::kLogLevel, kMostLogged)
      .set(CriuOption::kOrphanTerminals);
  auto named = config.annotations.find(kConfigAnnotation);
  struct stat st{};
  if (named != config.annotations.end()) {
    words.set(CriuOption::kConfigFile, named->second);
  } else if (::stat(kSystemConfig, &st) == 0) {
    words.set(CriuOption::kConfigFile, kSystemConfig);
  }
  return words.add(options.options);
}

Result<> check_images(const CheckpointOptions& options) {
  for (const char* name : {"inventory.img", "pstree.img"}) {
    const Path file = options.images / name;
    struct stat st{};
    if (::lstat(file.c_str(), &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) continue;
    return Error(Code::kDataLoss, cat("criu dump says that it is done, and ", file.native(), " is ",
                                      S_ISREG(st.st_mode) ? "empty" : "not there"));
  }
  return {};
}

Error criu_failure(const CheckpointOptions& options, const std::string& action,
                   const std::string& said) {
  Path log = options.work / log_name(action);
  Result<std::string> text = read_file(log, kLogLimit);
  std::vector<std::string> errors;
  for (const std::string& line : split(text ? *text : "", '\n')) {
    // "(00.026997) Error (criu/crtools.c:260): what happened"
    size_t at = line.find("Error (");
    if (at == std::string::npos) continue;
    if (errors.size() == kMostErrors) errors.erase(errors.begin());
    auto parts = split_once(std::string_view(line).substr(at), ' ');
    auto told = parts ? split_once(parts->second, ' ') : std::nullopt;
    errors.emplace_back(told ? told->second : std::string_view(line));
  }
  if (errors.empty()) errors.push_back(said.empty() ? "it names no error" : said);
  return {Code::kInternal,
          cat("criu ", action, " failed: ", join(errors, "; "), " (", log.native(), ")")};
}

}  // namespace skiff::runtime
