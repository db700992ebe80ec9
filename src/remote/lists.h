// Lists of a registry: tags, repositories, referrers; all their pages (OCI distribution-spec,
// Listing Tags, Listing Referrers).
#pragma once

#include "remote/blob_transfer.h"

namespace skiff::remote {

Result<std::vector<std::string>> list_tags(Transport& transport, const Repository& repository,
                                           const CancelToken& cancel);
Result<std::vector<std::string>> list_repositories(Transport& transport, const std::string& host,
                                                   const CancelToken& cancel);
// kNotFound by registries that do not know of referrers.
Result<std::vector<oci::Descriptor>> list_referrers(Transport& transport,
                                                    const Repository& repository,
                                                    const oci::Digest& subject,
                                                    const CancelToken& cancel);

}  // namespace skiff::remote
