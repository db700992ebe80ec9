#include "api/cache_places.h"

#include "base/strings.h"
#include "codec/base64.h"
#include "codec/compress_words.h"
#include "sys/root_dir.h"

namespace skiff::api {

Result<std::vector<std::shared_ptr<const UniqueFd>>> decode_cache_places(
    const Call& call, builder::BuildRequest& request) {
  constexpr std::string_view kHeader = "X-Skiff-Cache";
  std::vector<std::shared_ptr<const UniqueFd>> directories;
  const auto header = call.request.headers.get(kHeader);
  if (header.empty()) return directories;
  const json::Value value =
      TRY_CONTEXT(json::parse(TRY_CONTEXT(base64_decode(header), kHeader)), kHeader);
  const auto decode = [&](std::string_view list,
                          std::vector<builder::CachePlace>& places) -> Result<> {
    for (const json::Value& one : value.array(list)) {
      if (one.boolean("inline")) {
        request.inline_cache = true;
        continue;
      }
      builder::CachePlace place;
      if (one.has("ref")) {
        place.reference = TRY(oci::Reference::parse(one.string("ref")));
      } else {
        directories.push_back(TRY(call.context.directories->find(one.string("directory"))));
        place.directory = sys::fd_path(directories.back()->get());
        if (one.has("tag")) place.tag = one.string("tag");
      }
      place.mounts = one.boolean("mounts");
      place.of_result = one.boolean("min");
      place.ignore_error = one.boolean("ignoreError");
      const CompressWords words =
          TRY_CONTEXT(read_compress_words(one.string_map("compress")), "cache");
      place.compression = words.form;
      place.force_compression = words.force;
      places.push_back(std::move(place));
    }
    return {};
  };
  TRY(decode("from", request.cache_from));
  TRY(decode("to", request.cache_to));
  return directories;
}

}  // namespace skiff::api
