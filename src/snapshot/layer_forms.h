// The digest of a layer's tree, or of a layer's other form (layer_stack.h), which lies beside it:
// nothing else tells what they must hold. A form whose digest does not fit is dropped: it is made
// anew when it is needed.
#pragma once

#include "snapshot/layer_content.h"

namespace skiff::snapshot {

// Writes and syncs FORM/digest, of what the new form, or a new layer, holds.
Result<> write_form_digest(const Path& form, DurableFiles& files);

// What is wrong with the tree of a layer that has neither tar nor index; "" for nothing, and for
// one that an earlier version made without a digest.
Result<std::string> tree_fault(const Path& layer, const ReadOptions& how);

// What is wrong with the other forms of `layer`; "" for nothing. A file that cannot be read is
// damaged; kCancelled.
Result<std::string> forms_fault(const Path& layer, const ReadOptions& how);

// One that an earlier version made.
bool has_form_without_digest(const Path& layer);
// Whether forms_fault() said that one has none.
bool is_of_no_digest(const std::string& fault);

}  // namespace skiff::snapshot
