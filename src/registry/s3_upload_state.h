// What an S3 store has of an upload, in the words of its row.
//
// All that is written for it is at keys of its own: the parts of one multipart upload, numbered
// from 1 without a gap, and objects with a number behind the key. An object's number is noted
// before anything is sent under it, and none is used twice: what another node still sends for an
// earlier attempt replaces nothing that counts. A part is sent again under its number: stores
// refuse an upload of which a part is left out. It has the same bytes then; with others its tag is
// another, and the store does not finish the upload.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace skiff::registry {

struct S3UploadState {
  struct Part {
    uint64_t size = 0;
    std::string tag;  // the store's
  };
  std::string multipart;  // the store's id of it; "" for none
  std::vector<Part> parts;
  int next = 1;  // of the next object
  int tail = 0;  // the object with what comes behind the parts; 0 for none
  uint64_t tail_size = 0;
  std::vector<int> objects;  // that may be there, the tail among them

  // "" is that of an upload without bytes.
  static Result<S3UploadState> parse(const std::string& text);
  std::string text() const;
};

// Of the multipart upload, and of an object.
std::string s3_key(const std::string& upload);
std::string s3_key(const std::string& upload, int object);

// The upload that has that key.
std::string upload_of(const std::string& key);

}  // namespace skiff::registry
