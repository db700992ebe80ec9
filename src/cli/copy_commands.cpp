// cp, export, import, load, save.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "base/file.h"
#include "base/strings.h"
#include "cli/copy_files.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "oci/platform.h"
#include "oci/reference.h"

namespace skiff::cli {

namespace {

using enum FlagKind;

// Where an archive goes: a file that appears only when it is whole, or standard output.
Result<> write_archive(Session& session, const std::string& path, const std::string& output) {
  if (output.empty() && is_terminal(STDOUT_FILENO)) {
    return Error(Code::kInvalidArgument,
                 "cowardly refusing to save to a terminal. Use the -o flag or redirect");
  }
  if (std::string directory = Path(output).parent_path(); !directory.empty()) {
    struct stat status{};
    if (::stat(directory.c_str(), &status) != 0) {
      return Error(Code::kNotFound,
                   cat("failed to ", session.command == "save" ? "save image" : "export container",
                       ": invalid output path: stat ", directory, ": no such file or directory"));
    }
  }
  net::ClientRequest request;
  request.target = path;
  auto response = TRY(session.api.send(request));
  if (output.empty()) {
    FdSink out(STDOUT_FILENO);
    TRY(copy(*response.body, out));
    return {};
  }
  std::string partial = cat(output, ".skiff-tmp");
  auto write = [&]() -> Result<> {
    UniqueFd file = TRY(open_file(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    FdSink out(file.get());
    TRY(copy(*response.body, out));
    if (::rename(partial.c_str(), output.c_str()) != 0) {
      return Error::from_errno(errno, cat("rename ", partial, " to ", output));
    }
    return {};
  };
  auto written = write();
  if (!written) ::unlink(partial.c_str());
  return written;
}

// Devices and pipes are written in place.
bool is_special(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
}

Result<> save_to(Session& session, const std::string& path, const std::string& output) {
  if (output.empty() || !is_special(output)) return write_archive(session, path, output);
  net::ClientRequest request;
  request.target = path;
  auto response = TRY(session.api.send(request));
  UniqueFd file = TRY(open_file(output, O_WRONLY | O_CLOEXEC));
  FdSink out(file.get());
  TRY(copy(*response.body, out));
  return {};
}

constexpr FlagSpec kExportFlags[] = {
    {"output", 'o', kString, "Write to a file, instead of STDOUT"},
};

Outcome export_container(Session& session, Flags& flags) {
  TRY(save_to(session, container_path(flags.args[0], "/export"), flags.get("output")));
  return 0;
}

constexpr FlagSpec kSaveFlags[] = {
    {"output", 'o', kString, "Write to a file, instead of STDOUT"},
    {"platform", 0, kList, "Save only the given platforms, such as linux/arm64", "strings"},
};

// Several in one flag, separated by commas, or in several.
void add_platforms(net::Query& query, const Flags& flags) {
  for (const std::string& list : flags.all("platform")) {
    for (const std::string& platform : split(list, ',')) query.add("platform", platform);
  }
}

Outcome save(Session& session, Flags& flags) {
  net::Query query;
  for (const auto& name : flags.args) query.add("names", name);
  add_platforms(query, flags);
  TRY(save_to(session, cat("/images/get?", query.str()), flags.get("output")));
  return 0;
}

// A file, or standard input for "-".
Result<UniqueFd> open_input(const std::string& path) {
  if (path != "-") {
    struct stat status{};
    if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
      return Error(Code::kInvalidArgument, cat("read ", path, ": is a directory"));
    }
    auto file = open_file(path, O_RDONLY | O_CLOEXEC);
    if (file || file.error().code() != Code::kNotFound) return file;
    return Error(Code::kNotFound, cat("open ", path, ": no such file or directory"));
  }
  UniqueFd input(::dup(STDIN_FILENO));
  if (!input) return Error::from_errno(errno, "standard input");
  return input;
}

constexpr FlagSpec kLoadFlags[] = {
    {"input", 'i', kString, "Read from a tar archive file, instead of STDIN"},
    {"platform", 0, kList, "Load only the given platforms, such as linux/arm64", "strings"},
    {"quiet", 'q', kBool, "Suppress the load output"},
};

Outcome load(Session& session, Flags& flags) {
  if (!flags.has("input") && is_terminal(STDIN_FILENO)) {
    return Error(Code::kInvalidArgument, "requested load from stdin, but stdin is empty");
  }
  UniqueFd file = TRY(open_input(flags.get("input", "-")));
  FdSource body(file.get());
  net::ClientRequest request;
  request.method = "POST";
  net::Query query;
  query.add("quiet", is_terminal(STDOUT_FILENO) ? "0" : "1");
  add_platforms(query, flags);
  request.target = cat("/images/load?", query.str());
  request.headers.set("Content-Type", "application/x-tar");
  request.stream = &body;
  ProgressPrinter printer(STDOUT_FILENO);
  TRY(show_progress(session, request, printer));
  return 0;
}

constexpr FlagSpec kImportFlags[] = {
    {"change", 'c', kList, "Apply a Dockerfile instruction to the new image"},
    {"message", 'm', kString, "Commit message of the image"},
    {"platform", 0, kString, "Platform of the image, such as linux/arm64"},
};

Outcome import(Session& session, Flags& flags) {
  net::Query query;
  query.add("fromSrc", "-");
  if (flags.args.size() > 1) {
    auto name = TRY(oci::Reference::parse(flags.args[1]));
    query.add("repo", name.familiar_repository());
    query.add("tag", name.with_default_tag().tag());
  }
  for (const auto& change : flags.all("change")) query.add("changes", change);
  if (flags.has("message")) query.add("message", flags.get("message"));
  if (flags.has("platform")) query.add("platform", flags.get("platform"));
  const std::string& source = flags.args[0];
  if (source.starts_with("http://") || source.starts_with("https://")) {
    return Error(Code::kUnimplemented,
                 "import from a URL is not supported: fetch it and import the file");
  }
  UniqueFd file = TRY(open_input(source));
  FdSource body(file.get());
  net::ClientRequest request;
  request.method = "POST";
  request.target = cat("/images/create?", query.str());
  request.headers.set("Content-Type", "application/x-tar");
  request.stream = &body;
  ProgressPrinter printer(STDOUT_FILENO);
  TRY(show_progress(session, request, printer));
  return 0;
}

constexpr FlagSpec kCpFlags[] = {
    {"archive", 'a', kBool, "Archive mode (copy all uid/gid information)"},
    {"follow-link", 'L', kBool, "Always follow symbol link in SRC_PATH"},
    {"quiet", 'q', kBool, "Suppress progress output during copy"},
};

constexpr Command kCopyCommands[] = {
    {.name = "cp",
     .usage = "CONTAINER:SRC_PATH DEST_PATH|-\n\tskiff cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
     .summary = "Copy files/folders between a container and the local filesystem",
     .flags = kCpFlags,
     .run = copy_files,
     .min_args = 2,
     .max_args = 2,
     .aliases = "container cp"},
    {.name = "export",
     .usage = "CONTAINER",
     .summary = "Export a container's filesystem as a tar archive",
     .flags = kExportFlags,
     .run = export_container,
     .min_args = 1,
     .max_args = 1,
     .aliases = "container export"},
    {.name = "import",
     .usage = "file|- [REPOSITORY[:TAG]]",
     .summary = "Import the contents from a tarball to create a filesystem image",
     .flags = kImportFlags,
     .run = import,
     .min_args = 1,
     .max_args = 2,
     .aliases = "image import"},
    {.name = "load",
     .summary = "Load an image from a tar archive or STDIN",
     .flags = kLoadFlags,
     .run = load,
     .max_args = 0,
     .aliases = "image load"},
    {.name = "save",
     .usage = "IMAGE [IMAGE...]",
     .summary = "Save one or more images to a tar archive (streamed to STDOUT by default)",
     .flags = kSaveFlags,
     .run = save,
     .min_args = 1,
     .aliases = "image save"},
};

}  // namespace

std::span<const Command> copy_commands() { return kCopyCommands; }

}  // namespace skiff::cli
