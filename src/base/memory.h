// What containers keep of memory beyond what they hold.
#pragma once

namespace skiff {

// A string's or a vector's becomes free: clear() keeps it, and so do `= {}` and `= std::string()`.
template <typename T>
void free_memory_of(T& value) {
  T().swap(value);
}

}  // namespace skiff
