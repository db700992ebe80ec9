// The part of a program's memory that is its own file and its libraries': pages of code and of
// constants, which the kernel maps from its cache of files. Any thread may call these at any time.
#pragma once

namespace skiff {

// Maps all of them at once, where the kernel can (Linux 5.14): else they come one by one, with a
// fault each.
void map_program_pages();
// Gives them back, to be mapped again where they are used: for one that has started, or has nothing
// to do. Nothing that was written goes. Takes tens of microseconds, and each 64 KiB used again a
// fault.
void release_program_pages();

}  // namespace skiff
