#include "codec/erofs_directory.h"

#include "codec/erofs_format.h"

namespace skiff::erofs {

DirectoryBlocks::DirectoryBlocks(const ErofsTree& tree, ErofsTree::Id directory)
    : self_(directory), parent_(tree.inode(directory).parent()) {
  std::tie(name_, end_) = tree.names(directory);
}

// What comes next, without going past it; false at the end.
bool DirectoryBlocks::take(DirectoryName& name) const {
  const std::string_view dots = std::string_view("..").substr(0, static_cast<size_t>(dots_) + 1);
  const bool names_left = name_ != end_;
  if (dots_ < 2 && (!names_left || dots < name_->first.name)) {
    name = {dots, dots_ == 0 ? self_ : parent_};
    return true;
  }
  if (names_left) name = {name_->first.name, name_->second};
  return names_left;
}

void DirectoryBlocks::step() {
  if (block_.back().name == "." || block_.back().name == "..") {
    ++dots_;
  } else {
    ++name_;
  }
}

const std::vector<DirectoryName>& DirectoryBlocks::next() {
  block_.clear();
  uint64_t used = 0;
  DirectoryName name;
  while (take(name)) {
    used += sizeof(DirectoryEntry) + name.name.size();
    if (used > kErofsBlock) break;
    block_.push_back(name);
    step();
  }
  return block_;
}

uint64_t block_bytes(const std::vector<DirectoryName>& block) {
  uint64_t bytes = 0;
  for (const DirectoryName& name : block) bytes += sizeof(DirectoryEntry) + name.name.size();
  return bytes;
}

uint64_t directory_size(const ErofsTree& tree, ErofsTree::Id directory) {
  DirectoryBlocks blocks(tree, directory);
  uint64_t full = 0;
  uint64_t last = 0;
  for (;;) {
    const auto& block = blocks.next();
    if (block.empty()) return full + last;
    if (last != 0) full += kErofsBlock;
    last = block_bytes(block);
  }
}

}  // namespace skiff::erofs
