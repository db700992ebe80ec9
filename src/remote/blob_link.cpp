#include "oci/distribution.h"
#include "remote/blob_transfer.h"

namespace skiff::remote {

bool link_blob(Transport& transport, const Repository& repository, const oci::Descriptor& blob,
               content::ContentStore& store, const CancelToken& cancel) {
  const auto ticket = transport.ticket(repository.host, store, blob.digest);
  if (!ticket) return false;
  Call call;
  call.host = repository.host;
  call.target = repository.blob_target(blob.digest);
  call.scope = repository.pull_scope();
  call.request.method = "HEAD";
  call.request.headers.set(oci::kTicketField, ticket->word());
  call.request.cancel = cancel;
  // What goes wrong here goes wrong for the ordinary request, too, which tells of it.
  const Result<net::WebResponse> answer = transport.send_once(call);
  return answer && ticket->is_redeemed() && store.verify(blob.digest, {}, cancel);
}

}  // namespace skiff::remote
