// BuildPreface: what skiff sends of a build beside its context, in one body: secrets and what RUN
// may do, which no header has room for, and named contexts. A body of kBuildPreface is
//
//   LENGTH "\n"         decimal: of the object
//   {"secrets": {ID: base64}, "ssh": {ID: socket}, "allow": [ENTITLEMENT], "dockerfile": text,
//    "contexts": {NAME: {"files": true} | {"image": IMAGE} | {"url": URL} |
//                       {"layout": true, "reference": TAG or DIGEST}}}
//   PART...             the tars of "files" and "layout", in the order of their names, and that of
//                       the context: each is chunks of HEXLENGTH "\n" BYTES, and then "0\n"
#pragma once

#include <deque>
#include <string>

#include "builder/builder.h"

namespace skiff::api {

inline constexpr std::string_view kBuildPreface = "application/vnd.skiff.build";

class BuildPreface {
 public:
  explicit BuildPreface(Source& body) : body_(body) {}
  BuildPreface(const BuildPreface&) = delete;
  BuildPreface& operator=(const BuildPreface&) = delete;

  // The tars that the request is given are read from the body, and are this object's.
  Result<> read(builder::BuildRequest& request);

 private:
  class Part : public Source {
   public:
    Part(BuildPreface& whole, size_t number) : whole_(whole), number_(number) {}
    Result<size_t> read(std::span<char> buffer) override;

   private:
    BuildPreface& whole_;
    size_t number_;
    uint64_t left_ = 0;  // of the chunk
  };
  Source* next_part();
  Result<uint64_t> read_number(int base);
  Result<builder::NamedContext> read_context(const json::Value& value);

  Source& body_;
  std::deque<Part> parts_;
  size_t current_ = 0;  // that is under way
};

}  // namespace skiff::api
