// The instructions of a Dockerfile, understood but not yet expanded: what parse_dockerfile
// gives and the plan (plan.h) binds to variables and stages.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "dockerfile/lexical.h"
#include "oci/image_config.h"

namespace skiff::dockerfile {

// `shell`: one text for the shell; else the words of a JSON array.
struct Command {
  std::vector<std::string> words;
  bool shell = true;
};

struct FromInstruction {
  std::string image;  // image, stage name or "scratch"
  std::string platform;
  std::string name;          // of "AS name", lower case, or ""
  std::string as_word;       // "AS", as written
  std::string written_name;  // the name, as written
};
struct RunInstruction {
  Command command;
  std::string network;              // of --network: "", "default", "none", "host"
  std::string security;             // of --security: "", "sandbox", "insecure"
  std::vector<std::string> mounts;  // of --mount, as written: see run_mount.h
  std::vector<Heredoc> heredocs;
  std::string heredoc_text;
};
struct CopyInstruction {
  bool add = false;
  std::vector<std::string> sources;
  std::string destination;
  std::vector<Heredoc> heredocs;  // further sources: files of that name and content
  std::string from;
  std::string chown;
  std::string chmod;
  bool link = false;     // the layer does not depend on what lies below it
  bool parents = false;  // the sources' directories are made, too
  std::vector<std::string> excludes;
  std::string checksum;              // of a URL, or a commit
  std::optional<bool> keep_git_dir;  // the .git of a repository
  std::optional<bool> unpack;        // archives; by default those that are local, with ADD
};
// Each name with its value; ARG's may be absent.
struct ArgInstruction {
  std::vector<std::pair<std::string, std::optional<std::string>>> args;
};
struct EnvInstruction {
  std::vector<std::pair<std::string, std::string>> pairs;
  bool legacy = false;  // "NAME the value"
};
struct LabelInstruction {
  std::vector<std::pair<std::string, std::string>> pairs;
  bool legacy = false;
};
struct WorkdirInstruction {
  std::string path;
};
struct UserInstruction {
  std::string user;
};
struct ExposeInstruction {
  std::vector<std::string> ports;
};
struct VolumeInstruction {
  std::vector<std::string> paths;
};
struct CmdInstruction {
  Command command;
};
struct EntrypointInstruction {
  Command command;
};
struct StopSignalInstruction {
  std::string signal;
};
struct ShellInstruction {
  std::vector<std::string> words;
};
struct HealthcheckInstruction {
  oci::Healthcheck check;
};
struct OnBuildInstruction {
  std::string trigger;  // with its heredocs
};
struct MaintainerInstruction {
  std::string name;
};

using InstructionBody =
    std::variant<FromInstruction, RunInstruction, CopyInstruction, ArgInstruction, EnvInstruction,
                 LabelInstruction, WorkdirInstruction, UserInstruction, ExposeInstruction,
                 VolumeInstruction, CmdInstruction, EntrypointInstruction, StopSignalInstruction,
                 ShellInstruction, HealthcheckInstruction, OnBuildInstruction,
                 MaintainerInstruction>;

struct Instruction {
  InstructionBody body;
  std::string text;  // "COPY a b", as written, continuation lines joined
  LineSpan span;
  std::string keyword;                // as written
  std::vector<std::string> comments;  // right above it
};

struct Stage {
  FromInstruction from;
  std::string from_text;
  LineSpan span;
  std::string keyword;  // "FROM", as written
  std::vector<std::string> comments;
  std::vector<Instruction> instructions;
};

struct Dockerfile {
  std::shared_ptr<const SourceText> source;  // for the places of errors
  char escape = '\\';
  std::string syntax;
  std::string check;                     // of "# check="
  int check_line = 0;                    // of that, from 1; 0: there is none
  std::vector<Instruction> global_args;  // ARG before the first FROM
  std::vector<Stage> stages;             // at least one
  std::vector<LexicalWarning> warnings;
};

// As much of it as stands before what cannot be understood, and why that cannot.
struct PartialDockerfile {
  Dockerfile file;
  std::optional<Error> failure;
};

// `name` is what errors call the file. Fails where there are no lines to show.
Result<PartialDockerfile> parse_partly(const std::string& name, std::string_view text);
// All of it.
Result<Dockerfile> parse_dockerfile(const std::string& name, std::string_view text);

// One trigger that a base image stored with ONBUILD. FROM, ONBUILD and MAINTAINER are refused.
Result<Instruction> parse_trigger(const std::string& image, std::string_view text);

}  // namespace skiff::dockerfile
