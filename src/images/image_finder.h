// ImageFinder: from what people write to the image they mean. Thread-safe.
#pragma once

#include "images/parts.h"

namespace skiff::images {

class ImageFinder {
 public:
  explicit ImageFinder(Parts& parts) : parts_(parts) {}

  Result<Image> find(const std::string& name, const std::optional<oci::Platform>& platform);
  Result<std::vector<Image>> list();
  // One of a target that need not be recorded.
  Result<Image> image_of(const oci::Descriptor& target, const Document& document);
  Result<std::vector<Image>> platforms_of(const oci::Descriptor& target);

  // The target of a name; of "repository@digest" also where only a tag of the repository
  // points at that digest.
  Result<std::optional<TargetRow>> named(const oci::Reference& name);

  struct Found {
    TargetRow row;
    std::vector<DocumentPtr> present;
    bool by_id = false;   // else by name
    oci::Reference name;  // where found by name
    DocumentPtr chosen;   // where found by id
  };
  // By name, else by id or prefix. kNotFound with Docker's text; kInvalidArgument for a
  // prefix of several ids.
  Result<Found> look_up(const std::string& text);

  Result<TargetRow> row_of(const oci::Descriptor& target);
  Result<Image> make_image(const TargetRow& row, const Document& document);

 private:
  // nullopt where there is no such name.
  Result<std::optional<Found>> by_name(const oci::Reference& name);
  // nullopt where no id starts so.
  Result<std::optional<Found>> by_id(std::string_view hex);
  uint64_t size_of(const Document& document);

  Parts& parts_;
  std::mutex mutex_;
  std::map<std::string, uint64_t> snapshot_sizes_;
};

// True where `id` ("sha256:ab12..") is what `text` ("ab", "sha256:ab", the whole) names.
bool is_id_prefix(const oci::Digest& id, const std::string& text);

}  // namespace skiff::images
