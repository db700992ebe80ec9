// ImageClaims: the images of containers that are being created: a container is in nobody's list
// before it is whole, and its image must not be removed as unused meanwhile.
//
//   const auto claim = claims.claim(container_id, image_id);   // then: is the image still there?
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace skiff::engine {

// Thread-safe.
class ImageClaims {
 public:
  class Claim {
   public:
    Claim(ImageClaims& owner, std::string container)
        : owner_(&owner), container_(std::move(container)) {}
    Claim(Claim&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), container_(std::move(other.container_)) {}
    Claim& operator=(Claim&&) = delete;
    ~Claim() {
      if (owner_ != nullptr) owner_->release(container_);
    }

   private:
    ImageClaims* owner_;
    std::string container_;
  };

  // Until it is destroyed.
  Claim claim(const std::string& container, const std::string& image) {
    const std::scoped_lock lock(mutex_);
    images_[container] = image;
    return {*this, container};
  }
  // A container that is being created of the image; "" for none.
  std::string container_of(const std::string& image) const {
    const std::scoped_lock lock(mutex_);
    for (const auto& [container, claimed] : images_) {
      if (claimed == image) return container;
    }
    return "";
  }

 private:
  void release(const std::string& container) {
    const std::scoped_lock lock(mutex_);
    images_.erase(container);
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::string> images_;  // by container
};

}  // namespace skiff::engine
