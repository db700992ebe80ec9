// system check, system scrub: what is stored, compared with itself.
#include "base/strings.h"
#include "cli/option_values.h"
#include "cli/session.h"
#include "cli/table.h"

namespace skiff::cli {

namespace {

using enum FlagKind;

constexpr FlagSpec kCheckFlags[] = {
    {"deep", 0, kBool, "Read all content, also what nobody touched since it was stored"},
    {"repair", 0, kBool, "Mend what can be mended, and remove what nothing refers to"},
};

std::string plural(int64_t count, std::string_view one) {
  return cat(count, " ", one, count == 1 ? "" : "s");
}

struct Tally {
  int64_t problems = 0;
  int64_t mended = 0;
  json::Value checked;

  int64_t left() const { return problems - mended; }
  std::string registry_text() const {
    const json::Value* registry = checked.find("Registry");
    if (registry == nullptr) return "";
    return cat(", ", plural(registry->integer("Manifests"), "manifest"), " and ",
               plural(registry->integer("Blobs"), "blob"), " (",
               human_size(static_cast<double>(registry->integer("Bytes"))), ") of the registry");
  }
  std::string text() const {
    const auto count = [&](std::string_view key) { return checked.integer(key); };
    const int64_t freed = count("Freed");
    return cat("Checked ", plural(count("Images"), "image"), ", ", plural(count("Blobs"), "blob"),
               " (", human_size(static_cast<double>(count("Bytes"))), "), ",
               plural(count("Snapshots"), "snapshot"), ", ",
               plural(count("CacheRecords"), "build cache record"), ", ",
               plural(count("Containers"), "container"), registry_text(), ": ",
               problems == 0 ? "no problems" : plural(problems, "problem"),
               mended == 0 ? "" : cat(", ", mended, " mended, ", left(), " left"),
               freed == 0 ? "" : cat("; freed ", human_size(static_cast<double>(freed))), "\n");
  }
};

std::string problem_line(const json::Value& problem) {
  return cat(problem.string("What"), " (", problem.string("Where"), "): ", problem.string("Remedy"),
             "\n");
}

// The last object of a stream may be the failure of all.
Result<> refuse_error(const json::Value& object) {
  if (object.find("error") == nullptr) return {};
  return Error(Code::kUnknown, object.string("error"));
}

Outcome check(Session& session, Flags& flags) {
  const std::string path = cat("/skiff/system/check?deep=", flags.on("deep") ? 1 : 0,
                               "&repair=", flags.on("repair") ? 1 : 0);
  Tally tally;
  TRY(session.api.stream({.method = "POST", .target = path},
                         [&](const json::Value& object) -> Result<> {
                           if (const json::Value* problem = object.find("problem")) {
                             ++tally.problems;
                             if (problem->boolean("Mended")) ++tally.mended;
                             print(problem_line(*problem));
                           }
                           if (const auto* checked = object.find("checked")) {
                             tally.checked = *checked;
                           }
                           return refuse_error(object);
                         }));
  print(tally.text());
  return tally.left() == 0 ? 0 : 1;
}

constexpr FlagSpec kScrubFlags[] = {
    {"rate", 0, kString, "Bytes to read in a second; as fast as it goes when not given", "bytes"},
};

Outcome scrub(Session& session, Flags& flags) {
  std::string target = "/skiff/system/scrub";
  if (flags.has("rate")) {
    target += cat("?rate=", TRY(parse_bytes("--rate", flags.get("rate"))));
  }
  json::Value totals;
  TRY(session.api.stream({.method = "POST", .target = target},
                         [&](const json::Value& object) -> Result<> {
                           if (auto text = object.string("damaged"); !text.empty()) {
                             print(cat(text, "\n"));
                           }
                           if (const auto* found = object.find("scrubbed")) totals = *found;
                           return refuse_error(object);
                         }));
  const int64_t damaged = totals.integer("Damaged");
  print(cat("Read ", plural(totals.integer("Blobs"), "blob"), ", ",
            plural(totals.integer("Layers"), "layer"), " (",
            human_size(static_cast<double>(totals.integer("Bytes"))),
            "): ", damaged == 0 ? "no damage" : cat(damaged, " damaged"), "\n"));
  return damaged == 0 ? 0 : 1;
}

constexpr Command kCheckCommands[] = {
    {.name = "system scrub",
     .summary = "Read all stored content again and tell what is damaged",
     .flags = kScrubFlags,
     .run = scrub,
     .max_args = 0},
    {.name = "system check",
     .summary = "Check all that is stored, and repair it",
     .flags = kCheckFlags,
     .run = check,
     .max_args = 0},
};

}  // namespace

std::span<const Command> check_commands() { return kCheckCommands; }

}  // namespace skiff::cli
