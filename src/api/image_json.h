// Images as the API prints them: list, inspect, history.
#pragma once

#include "codec/json.h"
#include "images/image_store.h"

namespace skiff::api {

// One row of a list: an image and the names of one target, an index or a manifest, that leads to
// it.
struct ImageRow {
  images::Image image;
  std::vector<std::string> tags;     // "repo:tag"
  std::vector<std::string> digests;  // "repo@sha256:..."
};

// The images of a list, one row a target; of an image of several platforms the one that serves this
// machine best. Two rows may hold one image: that of an index, and the same by itself.
std::vector<ImageRow> image_rows(const std::vector<images::Image>& images);
// What is counted once, however many targets lead to it.
std::vector<ImageRow> one_row_an_id(std::vector<ImageRow> rows);

json::Value image_list_json(const ImageRow& row, int64_t containers);
json::Value image_inspect_json(const images::Image& image, std::string_view driver);
Result<json::Value> image_history_json(images::ImageStore& store, const images::Image& image);
// What a target leads to, for `manifests=1`: one summary for each manifest of an index, or of the
// only one; those that are not here are not "Available".
Result<json::Value> manifests_json(images::ImageStore& store, const oci::Descriptor& target);
json::Value removed_json(const std::vector<images::Removed>& removed);

// Filters of a list: dangling, label, reference, before, since, until.
Result<std::vector<ImageRow>> filter_images(
    images::ImageStore& store, std::vector<ImageRow> rows,
    const std::map<std::string, std::vector<std::string>>& filters, TimePoint now);

}  // namespace skiff::api
