// What S3's answers say of success and failure.
#pragma once

#include <optional>
#include <string_view>

#include "net/web_client.h"
#include "s3/xml.h"

namespace skiff::s3 {

// The error of an answer with a status other than 2xx, `what` in front; see Bucket for the codes.
Error refusal(const net::WebResponse& answer, std::string_view what);

// The document of a 2xx answer, its root of that name. A refusal that came late, as finished
// uploads may have it, is one.
Result<Element> document(const net::WebResponse& answer, std::string_view root,
                         std::string_view what);

// Whether the same request may succeed later.
bool may_pass(const Error& error);

}  // namespace skiff::s3
