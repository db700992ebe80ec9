#include "snapshot/layer_replacement.h"

#include "base/random.h"
#include "snapshot/layer_directory.h"

namespace skiff::snapshot {

namespace {

Result<> retire(const Path& layer, const char* name, DurableFiles& files) {
  if (!is_present(layer / name)) return {};
  constexpr size_t kDigits = 16;
  TRY(make_directories(layer / kRetiredName, 0700));
  return files.rename(layer / name, layer / kRetiredName / random_hex(kDigits));
}

}  // namespace

Result<> retire_forms(const Path& layer, DurableFiles& files) {
  for (const char* form : {kFlatName, kUnpackedName}) TRY(retire(layer, form, files));
  return files.sync_directory(layer);
}

Result<> replace_layer(const Path& made, const Path& layer, DurableFiles& files) {
  TRY(make_directories(layer, 0700));
  TRY(retire(layer, kTreeName, files));
  for (const char* name : {kTreeName, kIndexName, kTarName, kDigestName}) {
    if (is_present(made / name)) {
      TRY(files.rename(made / name, layer / name));
    } else if (is_present(layer / name)) {
      TRY(files.unlink(layer / name));
    }
  }
  return retire_forms(layer, files);
}

}  // namespace skiff::snapshot
