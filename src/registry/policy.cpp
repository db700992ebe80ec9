#include "registry/policy.h"

namespace skiff::registry {

Error refused_by_policy(std::string message) {
  return {Code::kPermissionDenied, std::move(message)};
}

// One of the system has its number.
bool is_policy_refusal(const Error& error) {
  return error.code() == Code::kPermissionDenied && error.sys_errno() == 0;
}

bool reaches(std::string_view node, std::string_view repository) {
  if (node.empty() || node == repository) return true;
  return repository.starts_with(node) && repository[node.size()] == '/';
}

std::vector<std::string> nodes_above(std::string_view repository) {
  std::vector<std::string> nodes = {""};
  for (size_t at = repository.find('/'); at != std::string_view::npos;
       at = repository.find('/', at + 1)) {
    nodes.emplace_back(repository.substr(0, at));
  }
  nodes.emplace_back(repository);
  return nodes;
}

}  // namespace skiff::registry
