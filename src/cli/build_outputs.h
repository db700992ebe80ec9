// build --output, --push and --load: what is asked of the daemon, and what of the result is written
// here.
//
//   auto outputs = TRY(BuildOutputs::open(flags));
//   query.add("outputs", outputs.parameter());
//   TRY(outputs.receive(session, request, printer));   // the build
//   TRY(outputs.commit());
//
// The daemon sends each output's bytes in frames of its own beside the progress. They get their
// place only once the build has succeeded and all of them are here.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/destination.h"
#include "cli/session.h"

namespace skiff::cli {

class BuildOutputs {
 public:
  // Opens the places, so that one that cannot be written fails before the build.
  static Result<BuildOutputs> open(const Flags& flags);

  // The API's parameter; "" for what the daemon does without being asked.
  std::string parameter() const;
  // Whether an output goes to standard output: progress goes elsewhere then.
  bool uses_stdout() const { return uses_stdout_; }
  // Sends the request and shows its answer.
  Result<> receive(Session& session, net::ClientRequest request, ProgressPrinter& printer);
  Result<> commit();

 private:
  struct Wanted {
    std::string type;
    std::map<std::string, std::string> attributes;
    std::unique_ptr<Destination> destination;  // null for what stays with the daemon
    bool whole = false;                        // all bytes are here
  };

  Result<> add(const std::string& text);
  void add_push();
  Result<> open_destination(const std::string& text, Wanted& wanted);
  Result<> take(int stream, std::string_view payload, std::string& lines, ProgressPrinter& printer);

  std::vector<Wanted> wanted_;
  bool uses_stdout_ = false;
};

}  // namespace skiff::cli
