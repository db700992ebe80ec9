// The part of a program's memory that is its own file and its libraries'.
#pragma once

namespace skiff {

// Gives back the pages of code and constants of the program and its libraries, which the kernel
// maps again from its cache of files where they are used: for one that has started, or has nothing
// to do. Nothing that was written goes. Any thread may call it at any time; it takes tens of
// microseconds, and each 64 KiB used again a fault.
void release_program_pages();

}  // namespace skiff
