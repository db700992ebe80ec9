#include "registry/s3_upload_state.h"

#include "base/strings.h"
#include "codec/json.h"

namespace skiff::registry {

Result<S3UploadState> S3UploadState::parse(const std::string& text) {
  S3UploadState out;
  if (text.empty()) return out;
  const json::Value value = TRY_CONTEXT(json::parse(text), "state of an upload");
  out.multipart = value.string("multipart");
  for (const json::Value& part : value.array("parts")) {
    out.parts.push_back({static_cast<uint64_t>(part.integer("size")), part.string("tag")});
  }
  out.next = static_cast<int>(TRY_CONTEXT(value.require_int("next"), "state of an upload"));
  out.tail = static_cast<int>(value.integer("tail"));
  out.tail_size = static_cast<uint64_t>(value.integer("tailSize"));
  for (const json::Value& object : value.array("objects")) {
    out.objects.push_back(static_cast<int>(object.as_int()));
  }
  return out;
}

std::string S3UploadState::text() const {
  json::Array all_parts;
  for (const Part& part : parts) {
    all_parts.push_back(json::object({{"size", part.size}, {"tag", part.tag}}));
  }
  json::Array all_objects;
  for (const int object : objects) all_objects.emplace_back(object);
  json::Value out = json::object({{"next", next}});
  if (!multipart.empty()) out.set("multipart", multipart);
  if (!parts.empty()) out.set("parts", json::array(std::move(all_parts)));
  if (tail != 0) out.set("tail", tail);
  if (tail != 0) out.set("tailSize", tail_size);
  if (!objects.empty()) out.set("objects", json::array(std::move(all_objects)));
  return out.dump();
}

std::string s3_key(const std::string& upload) {
  return cat("blobs/", upload.substr(0, 2), "/", upload);
}

std::string s3_key(const std::string& upload, int object) {
  return cat(s3_key(upload), ".", object);
}

std::string upload_of(const std::string& key) {
  const std::string name = key.substr(key.rfind('/') + 1);
  return name.substr(0, name.find('.'));
}

}  // namespace skiff::registry
