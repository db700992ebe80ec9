"""What the judges of skiff-runtime share: the tree that holds them, a run in it, lanes of runs beside each other."""
import concurrent.futures
import os
import pathlib
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
RUNTIME = HERE.parent.parent / "build/bin/skiff-runtime"
# Seconds a program or test may take: some wait for ever where a peer is wrong.
LIMIT = int(os.environ.get("SKIFF_CASE_SECONDS", "60"))
# With version 2 cgroups alone other points apply.
VERSION_2 = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists()
# Moves the shell into a cgroup of its own in every hierarchy: a runtime that is given no path makes its cgroups there.
ENTER_LANE = ('for c in /sys/fs/cgroup/*/; do [ -e "$c/cgroup.procs" ] || continue; mkdir -p "$c/$lane";'
              ' for f in cpuset.cpus cpuset.mems; do [ ! -e "$c/$f" ] || cat "$c/$f" >"$c/$lane/$f"; done;'
              ' echo $$ >"$c/$lane/cgroup.procs"; done;')


class Tree:
    """The Debian tree with the judges, and a folder that both sides see as /tmp/NAME.

    with Tree("skiff") as tree:
        tree.run("RUNTIME=$RUNTIME ./hostname.t")   # in it, under the limit
    """

    def __init__(self, runtime):
        self.name = runtime

    def __enter__(self):
        subprocess.run([HERE / "judges", "--setup"], check=True)
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="skiff-judge-"))
        self.work.chmod(0o755)
        self.runtime = f"/usr/bin/{self.name}"
        if self.name == "skiff":
            # In runc's place, as an engine would find it: it goes by the name that it is called by.
            self.runtime = f"{self.work}/runc"
            shutil.copy(RUNTIME, self.runtime)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.work, ignore_errors=True)
        lanes = list(pathlib.Path("/sys/fs/cgroup").glob(f"*/{self.work.name}-*"))
        # What a test left frozen has been killed, and dies when it thaws.
        for state in (found for lane in lanes for found in lane.glob("*/**/freezer.state")):
            state.write_text("THAWED")
        for lane in lanes:
            for folder, _, _ in os.walk(lane, topdown=False):
                remove_cgroup(folder)

    def version_of(self, suite):
        folder = {"runtime-tools": "runtime-tools", "crun-tests": "crun"}.get(suite, "runc")
        return self.run(f"cat /judges/{folder}/VERSION").stdout.strip()

    def runtime_version(self):
        """As a table names it: "crun 1.28"."""
        if self.name == "skiff":
            return "Skiff"
        return f"{self.name} " + re.search(r"version ([\d.]+)", self.run("$RUNTIME --version").stdout)[1]

    def run(self, script, limit=LIMIT, own_processes=True, lane=None, **words):
        """A shell script's result, in a process namespace that ends with it: no test leaves a process. With
        own_processes=False in none, for who tells another program of its processes. In a lane its cgroup is apart.
        The script sees RUNTIME, TMPDIR and the given words as variables."""
        words.update(RUNTIME=self.runtime, TMPDIR=self.work, script=script)
        enter = ""
        if lane is not None and not VERSION_2:
            words["lane"] = f"{self.work.name}-{lane}"
            enter = ENTER_LANE
        # crun refuses a host with cgroups of both versions: in this mount namespace only v1 is there.
        only_v1 = "umount -l /sys/fs/cgroup/unified 2>/dev/null;" if self.name == "crun" else ""
        alone = "unshare --pid --fork --mount-proc --kill-child" if own_processes else ""
        return subprocess.run(
            [HERE / "judges", "env", *(f"{key}={value}" for key, value in words.items()), "bash", "-c",
             f"{only_v1}{enter} exec timeout --foreground -s KILL {limit} {alone} bash -c \"$script\""],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)


def remove_cgroup(folder):
    """Once what has been killed in it is gone."""
    for _ in range(50):
        try:
            return os.rmdir(folder)
        except FileNotFoundError:
            return None
        except OSError:
            time.sleep(0.1)
    return print(f"cgroup {folder} is left: it has processes", file=sys.stderr)


def in_lanes(count, groups, work):
    """The results of work(item, lane) for each item of each group, in their order: a group's items one after the
    other, `count` groups at once. The first group has its lane to itself, None: what may only be one at a time."""
    waiting = queue.SimpleQueue()
    for lane in range(count):
        waiting.put(lane)

    def run(number):
        lane = waiting.get()
        try:
            return [work(item, None if number == 0 else lane) for item in groups[number]]
        finally:
            waiting.put(lane)

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return [result for results in pool.map(run, range(len(groups))) for result in results]


def tap_points(text):
    """(outcome, description) of each line of TAP; a failure that is marked TODO is a skip."""
    for line in text.replace("\r", "").splitlines():
        found = re.match(r"(not )?ok \d+ (?:- )?(.*)", line)
        if not found:
            continue
        description, _, directive = found[2].partition(" # ")
        if not description.strip() or re.match(r"(?i)#?\s*(skip|todo)", directive or description):
            yield "skipped", description.lstrip("# ")
        else:
            yield "failed" if found[1] else "passed", description


def reasons(text):
    """What a test program says of each failure: the comments below it, by its description."""
    found, failure = {}, None
    for line in text.replace("\r", "").splitlines():
        told = re.match(r"(not )?ok \d+ (?:- )?(.*)", line)
        if told:
            failure = found.setdefault(told[2], []) if told[1] else None
        elif failure is not None and line.startswith("#"):
            failure.append(line)
    return found


def chosen(point, words):
    """Whether the command line asks for "FILE: NAME": by FILE, or by all of it."""
    return not words or any(point == word or point.startswith(f"{word}:") for word in words)
