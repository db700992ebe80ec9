// The WWW-Authenticate header (RFC 9110, 11.6.1): how a registry wants to be convinced.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace skiff::remote {

struct Challenge {
  std::string scheme;                             // lower case: "bearer", "basic"
  std::map<std::string, std::string> parameters;  // names in lower case

  std::string parameter(const std::string& name) const;
};

// All challenges of all header fields, in order; what is malformed ends its field.
std::vector<Challenge> parse_challenges(const std::vector<std::string>& fields);

}  // namespace skiff::remote
