// What a spare monitor does with its time: the pages that the creation of a container will touch
// are there before it is asked for. Each costs a fault otherwise, some hundred in all.
#pragma once

namespace skiff::runtime {

// The program's own pages, and a heap of the size that a creation needs (keep_heap() holds
// it).
void warm_up();
// The program's pages go again, for a process that mostly sleeps: those that it runs come back.
void cool_down();

}  // namespace skiff::runtime
