// Words of the distribution protocol that its two sides here, remote/ and registry/, must agree on
// beyond its specification.
#pragma once

#include <string_view>

namespace skiff::oci {

// The request header field with the word of a ticket (content/blob_tickets.h).
inline constexpr std::string_view kTicketField = "Skiff-Ticket";

}  // namespace skiff::oci
