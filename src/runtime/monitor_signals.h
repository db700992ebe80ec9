// What a container's parent does with signals sent to it by accident.
#pragma once

namespace skiff::runtime {

// From here on the signals that ask a program to end do nothing. Handlers and not SIG_IGN,
// which the programs started from here would inherit.
void outlive_signals();

}  // namespace skiff::runtime
