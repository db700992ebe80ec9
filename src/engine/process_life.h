// The two ends of a container process's life: its start, and the clean-up when it ended.
#pragma once

#include "engine/core.h"

namespace skiff::engine {

// Mounts the root, makes the bundle, has a monitor create the container, wires the network, hands
// streams to those who attached, and lets the process run; what the monitor tells from then on
// comes by the watch. operate_start() must be held and the container not be running. On failure all
// is undone, and the record tells the error and exit code.
Result<runtime::MonitorWatch> start_process(Core& core, Container& container);
// As much of it as asks nothing of the network and of clients: a process that waits, as
// container.prepared. operate_start() is held. On failure nothing is left, and nothing recorded:
// the start itself will meet the same.
Result<> prepare_start(Core& core, Container& container);

// What the container's volumes mount is there until they are let go; to hold them twice is to hold
// them once.
Result<> hold_volumes(Core& core, const Container& container);
void let_go_volumes(Core& core, const Container& container);

// What is above the container's cgroup, where it named that itself, is there until it is let go;
// operate() is held.
Result<> hold_cgroup_parents(Core& core, Container& container);

// Whether the container's files are such that it can be started: kDataLoss where a layer is known
// to be damaged.
Result<> check_root(Core& core, const Container& container);

// As the monitor takes it.
runtime::RestartPolicy policy_of(const HostConfig& host);

void publish_volume_events(Core& core, const Container& container, const char* action);

// Ends a monitor and its container, of which nothing is left, also where it is killed meanwhile.
void remove_monitor(Core& core, const Container& container, runtime::MonitorClient& monitor);

// Frees what the ended process used; the record is the caller's. operate() is held.
void free_process(Core& core, Container& container);

// Unmounts and removes RUN/containers/ID, whatever of it is there.
Result<> clean_run_directory(const Container& container);

// The exit code of a process whose start failed: 127 where there is no such program, 126 where
// it may not be run, else 128 (engine-api.md 2.1, point 8).
int start_exit_code(const Error& error);

}  // namespace skiff::engine
