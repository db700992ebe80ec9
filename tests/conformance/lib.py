"""What the judges of skiff-runtime share: the tree that holds them, a run in it, the account."""
import collections
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
RUNTIME = HERE.parent.parent / "build/bin/skiff-runtime"
# Seconds a program or test may take: some wait for ever where a peer is wrong.
LIMIT = int(os.environ.get("SKIFF_CASE_SECONDS", "60"))
# With version 2 cgroups alone other points apply.
VERSION_2 = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists()
OUTCOMES = ("passed", "failed", "skipped", "aborted")


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
            self.runtime = f"{self.work}/skiff-runtime"
            shutil.copy(RUNTIME, self.runtime)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.work, ignore_errors=True)

    def run(self, script, limit=LIMIT, own_processes=True, **words):
        """A shell script's result, in a process namespace that ends with it: no test leaves a process. With
        own_processes=False in none, for who tells another program of its processes.
        The script sees RUNTIME, TMPDIR and the given words as variables."""
        words.update(RUNTIME=self.runtime, TMPDIR=self.work, script=script)
        # crun refuses a host with cgroups of both versions: in this mount namespace only v1 is there.
        only_v1 = "umount -l /sys/fs/cgroup/unified 2>/dev/null;" if self.name == "crun" else ""
        alone = "unshare --pid --fork --mount-proc --kill-child" if own_processes else ""
        return subprocess.run(
            [HERE / "judges", "env", *(f"{key}={value}" for key, value in words.items()), "bash", "-c",
             f"{only_v1} exec timeout --foreground -s KILL {limit} {alone} bash -c \"$script\""],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)


class Account:
    """The outcome of every point. A point that occurs more than once counts each time, and is
    taken for passed only where it passed each time."""

    def __init__(self):
        self.sums = collections.Counter()
        self.points = {}

    def add(self, point, outcome):
        self.sums[outcome] += 1
        if self.points.get(point, "skipped") in ("skipped", "passed"):
            if not (outcome == "skipped" and point in self.points):
                self.points[point] = outcome

    def row(self, suite, runtime):
        return f"| {suite} | {runtime} | {sum(self.sums.values())} | " \
               + " | ".join(str(self.sums[outcome]) for outcome in OUTCOMES) + " |"

    def named(self, *outcomes):
        return sorted(point for point, outcome in self.points.items() if outcome in outcomes)


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


def chosen(point, words):
    """Whether the command line asks for "FILE: NAME": by FILE, or by all of it."""
    return not words or any(point == word or point.startswith(f"{word}:") for word in words)


def judge(suite, collect, arguments, races=()):
    """Runs collect(tree) -> Account for each runtime asked for, prints the table and what is not
    passed, and compares Skiff's with the list of expected passes: exit status 1 for a regression.
    `races` are programs whose outcome is chance, whatever the runtime does: they are not kept."""
    accounts = {}
    for runtime in arguments.runtime or ["skiff"]:
        with Tree(runtime) as tree:
            accounts[runtime] = collect(tree)
    for runtime, account in accounts.items():
        for outcome in ("failed", "aborted"):
            for point in account.named(outcome):
                print(f"{runtime}: {outcome}: {point}")
    for peer in accounts:
        if peer != "skiff" and "skiff" in accounts:
            print_ahead(peer, accounts[peer], accounts["skiff"].points)
    print("| suite | runtime | points | " + " | ".join(OUTCOMES) + " |")
    for runtime, account in accounts.items():
        print(account.row(suite, runtime))
    if "skiff" in accounts:
        kept = f"{suite}-v2.passes" if VERSION_2 else f"{suite}.passes"
        compare(HERE / kept, accounts["skiff"], arguments, races)


def print_ahead(peer, account, ours):
    """What the peer passes and Skiff does not; what Skiff never came to, by its number alone."""
    absent = collections.Counter()
    for point in account.named("passed"):
        if point not in ours:
            absent[point.split(":")[0]] += 1
        elif ours[point] != "passed":
            print(f"{peer} passes, skiff {ours[point]}: {point}")
    for name, count in absent.items():
        print(f"{peer} passes, skiff never came to it: {name}: {count} points")


def compare(kept, account, arguments, races):
    """Against the file of expected passes; --accept writes it anew."""
    if arguments.accept:
        passed = [point for point in account.named("passed") if point.split(":")[0] not in races]
        kept.write_text("".join(f"{point}\n" for point in passed))
        return
    expected = [point for point in kept.read_text().splitlines() if chosen(point, arguments.words)]
    lost = [point for point in expected if account.points.get(point) != "passed"]
    for point in lost:
        print(f"error: passed before: {point}", file=sys.stderr)
    sys.exit(1 if lost else 0)


def arguments(parser):
    """The command line that both suites have."""
    parser.add_argument("words", nargs="*", help="only these programs or files, or single \"FILE: NAME\"")
    parser.add_argument("--runtime", action="append", choices=["skiff", "crun", "runc"],
                        help="judge this one; may be given several times (default: skiff)")
    parser.add_argument("--accept", action="store_true", help="write the list of expected passes anew")
    parser.add_argument("--logs", type=pathlib.Path, help="keep what each program prints in this folder")
    return parser.parse_args()
