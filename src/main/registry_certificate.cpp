// skiff-registry certificate ...
#include <cstdio>

#include "access/certificates.h"
#include "base/strings.h"
#include "main/registry_commands.h"
#include "net/tls.h"

namespace skiff {

namespace {

using access::MarkKind;

struct Wanted {
  MarkKind kind = MarkKind::kKey;
  std::string value;
};

// One of --file, --key, --name and --subject.
Result<Wanted> wanted(const Invocation& call) {
  std::vector<Wanted> given;
  if (!call.file.empty()) {
    TRY(read_file(call.file));  // whose error names what is wrong with the file
    const net::PeerCertificate read = TRY(net::read_certificate(call.file));
    given.push_back({MarkKind::kKey, read.key});
  }
  if (!call.key.empty()) given.push_back({MarkKind::kKey, call.key});
  if (!call.name.empty()) given.push_back({MarkKind::kName, call.name});
  if (!call.subject.empty()) given.push_back({MarkKind::kSubject, call.subject});
  if (given.size() == 1) return given.front();
  return Error(Code::kInvalidArgument, "one of --file, --key, --name and --subject is needed");
}

Result<> add_certificate(const Invocation& call) {
  const Wanted mark = TRY(wanted(call));
  access::Store store = TRY(accounts_to_read(call));
  TRY(access::add_mark(store, call.operands[0], mark.kind, mark.value));
  fputs(cat(access::mark_name(mark.kind), " ", mark.value, "\n").c_str(), stdout);
  return {};
}

Result<> list_certificates(const Invocation& call) {
  access::Store store = TRY(accounts_to_read(call));
  std::vector<std::vector<std::string>> rows = {{"ACCOUNT", "BY", "VALUE"}};
  for (const access::Mark& mark : TRY(access::list_marks(store))) {
    rows.push_back({mark.account_name, std::string(access::mark_name(mark.kind)), mark.value});
  }
  print_table(rows);
  return {};
}

Result<> remove_certificate(const Invocation& call) {
  const Wanted mark = TRY(wanted(call));
  access::Store store = TRY(accounts_to_read(call));
  return access::remove_mark(store, mark.kind, mark.value);
}

constexpr Verb kCertificateVerbs[] = {
    {"certificate add", "NAME", "Take clients with a certificate of --tls-client-ca for an account",
     "file key name subject", 1, 1, add_certificate},
    {"certificate list", "", "List the certificates that stand for accounts", "", 0, 0,
     list_certificates, true},
    {"certificate remove", "", "Take them for nobody again", "file key name subject", 0, 0,
     remove_certificate},
};

}  // namespace

std::span<const Verb> certificate_verbs() { return kCertificateVerbs; }

}  // namespace skiff
