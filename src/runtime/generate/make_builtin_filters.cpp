// Compiles Docker's default seccomp profile at build time: prints builtin_filters.inc.
#include <cstdio>

#include "runtime/default_capabilities.h"
#include "runtime/seccomp_filter.h"
#include "runtime/seccomp_profile.h"

namespace skiff::runtime {
namespace {

Result<> print_filter() {
  const json::Value profile = TRY(make_oci_seccomp("", default_capabilities()));
  const SeccompFilter filter = TRY(compile_seccomp(profile));
  std::printf("constexpr std::string_view kIdentity = R\"identity(%s)identity\";\n",
              seccomp_identity(profile).c_str());
  std::printf("constexpr unsigned kFlags = %u;\n", filter.flags);
  std::printf("constexpr sock_filter kProgram[] = {\n");
  for (const sock_filter& step : filter.program) {
    std::printf("{%u, %u, %u, %u},\n", step.code, step.jt, step.jf, step.k);
  }
  std::printf("};\n");
  return {};
}

}  // namespace
}  // namespace skiff::runtime

int main() {
  const auto done = skiff::runtime::print_filter();
  if (done) return 0;
  std::fprintf(stderr, "make_builtin_filters: %s\n", done.error().message().c_str());
  return 1;
}
