// Certificates: which account a client is that proved itself by a TLS certificate of an authority
// the server trusts. An account may be known by any number of marks:
//
//   key       SHA-256 of the certificate's public key (SubjectPublicKeyInfo), in hex: this key
//   alone,
//             also in a renewed certificate
//   name      one of its subject alternative names: "DNS:ci.example", "email:ann@example",
//             "URI:spiffe://example/ci"
//   subject   its whole subject as RFC 2253 has it: "CN=ann,O=Example"
//
// A mark is of one account. Of several that fit, the key counts before names, and these before the
// subject; names of two accounts in one certificate make it nobody's.
#pragma once

#include <vector>

#include "access/roles.h"
#include "access/store.h"

namespace skiff::access {

enum class MarkKind { kKey, kName, kSubject };

std::string_view mark_name(MarkKind kind);
Result<MarkKind> mark_named(std::string_view name);

struct Mark {
  MarkKind kind = MarkKind::kSubject;
  std::string value;
  int64_t account = 0;
  std::string account_name;
};

// What a client's certificate says, once it has been verified.
struct ShownCertificate {
  std::string subject;
  std::string key;
  std::vector<std::string> names;
};

// kInvalidArgument for a value not of its form, kAlreadyExists where it is another's.
Result<> add_mark(Store& store, const std::string& account, MarkKind kind,
                  const std::string& value);
// kNotFound.
Result<> remove_mark(Store& store, MarkKind kind, const std::string& value);
// By account.
Result<std::vector<Mark>> list_marks(Store& store);

}  // namespace skiff::access
