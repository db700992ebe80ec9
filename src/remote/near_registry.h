// NearRegistry: the registry that this process serves itself. Blobs pushed to it and pulled from
// it are shared as files, by tickets that the ordinary requests carry (content/blob_tickets.h).
#pragma once

#include <string>
#include <string_view>

#include "content/blob_tickets.h"

namespace skiff::remote {

struct NearRegistry {
  std::string address;                      // where it listens: "127.0.0.1:5000"
  content::BlobTickets* tickets = nullptr;  // those that it redeems

  // Whether a request to `host` ("localhost:5000") reaches it. A name that after all leads
  // elsewhere costs nothing: the ticket is of no use there.
  bool is_at(std::string_view host) const;
};

}  // namespace skiff::remote
