// skiff-runtime spec and features.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"
#include "base/strings.h"
#include "runtime/command_line.h"
#include "runtime/example_config.h"
#include "runtime/features.h"

namespace skiff::runtime {

namespace {

Result<int> spec(const CommandContext& context) {
  std::string bundle = context.arguments.value("bundle");
  Path file = Path(bundle.empty() ? "." : bundle) / "config.json";
  Result<UniqueFd> fd = open_file(file, O_WRONLY | O_CREAT | O_EXCL, 0666);
  if (!fd && fd.error().sys_errno() == EEXIST) {
    return Error(Code::kAlreadyExists, cat("File ", file.native(), " exists. Remove it first"));
  }
  if (!fd) return fd.error();
  FdSink sink(fd->get());
  TRY(sink.write(example_config(context.arguments.has("rootless")).pretty(4) + "\n"));
  return 0;
}

Result<int> features(const CommandContext&) {
  print(runtime_features().pretty(4));
  return 0;
}

}  // namespace

std::vector<Command> host_commands() {
  return {{"spec",
           "",
           "write an example config.json",
           {{"bundle", "b", "DIR", "where; the current directory when not given"},
            {"rootless", "", "", "for a user without privileges"}},
           0,
           0,
           false,
           spec},
          {"features", "", "print what this runtime supports", {}, 0, 0, false, features}};
}

}  // namespace skiff::runtime
