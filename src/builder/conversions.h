// Conversions: layers in other forms than they are kept in. What became of one is remembered, so
// that nobody makes it twice as long as its blob is here, and that a place which has it is known to
// have it even where it is not.
//
//   NewLayer zstd = TRY(conversions.convert({layer, form}, lease, cancel));
//   if (conversions.known({layer, form}) == there) ...      // nothing to do, nothing to make
//
// Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/cancellation.h"
#include "base/clock.h"
#include "images/image_store.h"

namespace skiff::builder {

// How a layer is compressed, by its media type; nullopt for what is unknown.
std::optional<Compression> compression_of(std::string_view media_type);

// Whether a layer of that type is in that form already: of what is there no level is known.
bool has_form(std::string_view media_type, const CompressForm& form);

struct Conversion {
  oci::Descriptor layer;
  // nullopt: as images leave the engine.
  std::optional<CompressForm> form;
  // No file is newer then.
  std::optional<TimePoint> newest = std::nullopt;
};

class Conversions {
 public:
  explicit Conversions(images::ImageStore& images) : images_(images) {}

  // Held by `lease`.
  Result<images::NewLayer> convert(const Conversion& wanted, images::ImageLease& lease,
                                   const CancelToken& cancel);
  // For elsewhere: as convert(), where the layer has not that form already.
  Result<oci::Descriptor> pack(const Conversion& wanted, images::ImageLease& lease,
                               const CancelToken& cancel);
  // What has become of it before; that may have gone.
  std::optional<oci::Descriptor> known(const Conversion& wanted) const;

 private:
  Result<images::NewLayer> make(const Conversion& wanted, images::ImageLease& lease,
                                const CancelToken& cancel);
  std::optional<images::NewLayer> find(const std::string& key) const;
  void remember(const std::string& key, const images::NewLayer& made);

  images::ImageStore& images_;
  mutable std::mutex mutex_;  // of what follows
  std::map<std::string, images::NewLayer> made_;
};

}  // namespace skiff::builder
