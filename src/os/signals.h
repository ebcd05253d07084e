// Signals that ask the process to end.

#pragma once

#include <atomic>

namespace ocellus::os {

// For a server: from here on SIGINT and SIGTERM wait for WaitForStopSignal(), in the calling thread
// and in those that it starts afterwards. Also has writes to closed pipes fail instead of killing.
void BlockStopSignals();

// The signal that came. A second one ends the process at once. REQUIRES: this thread called
// BlockStopSignals()
int WaitForStopSignal();

// For a program that does one thing: true once SIGINT or SIGTERM came. A second one ends the
// process at once. Thread-safe; every call gives the same flag.
const std::atomic<bool>& CatchInterrupt();

}  // namespace ocellus::os
