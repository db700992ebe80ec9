"""What is made of a judge's run: the account of its points, beside what was kept of earlier runs.

NAME.passes   the points that must pass, one a line
results.tsv   the sums of the last whole run that --accept kept, of Skiff and of its peers: docs/runtime.md's table
"""
import collections
import pathlib
import sys

import lib

OUTCOMES = ("passed", "failed", "skipped", "aborted")
RESULTS = lib.HERE / "results.tsv"
COLUMNS = ("suite", "version", "cgroups", "runtime", "points", *OUTCOMES)
CGROUPS = "version 2" if lib.VERSION_2 else "hybrid"


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

    def figures(self):
        return [sum(self.sums.values()), *(self.sums[outcome] for outcome in OUTCOMES)]

    def named(self, *outcomes):
        return sorted(point for point, outcome in self.points.items() if outcome in outcomes)


def judge(suite, collect, options, races=()):
    """Runs collect(tree) -> Account for each runtime asked for, prints the table and what is not
    passed, and compares Skiff's with the list of expected passes: exit status 1 for a regression.
    `races` are programs whose outcome is chance, whatever the runtime does: they are not kept."""
    accounts, versions = {}, {}
    for runtime in options.runtime or ["skiff"]:
        with lib.Tree(runtime) as tree:
            accounts[runtime] = collect(tree)
            versions[runtime] = (tree.version_of(suite), tree.runtime_version())
    for runtime, account in accounts.items():
        for outcome in ("failed", "aborted"):
            for point in account.named(outcome):
                print(f"{runtime}: {outcome}: {point}")
    for peer in accounts:
        if peer != "skiff" and "skiff" in accounts:
            print_ahead(peer, accounts[peer], accounts["skiff"].points)
    print("| suite | runtime | points | " + " | ".join(OUTCOMES) + " |")
    for runtime, account in accounts.items():
        print(f"| {suite} | {runtime} | " + " | ".join(map(str, account.figures())) + " |")
    if options.accept:
        accept(suite, accounts, versions, races)
    elif "skiff" in accounts:
        compare(suite, accounts["skiff"], versions["skiff"][0], options)


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


def kept(suite):
    return lib.HERE / (f"{suite}-v2.passes" if lib.VERSION_2 else f"{suite}.passes")


def expected(suite, words=()):
    """The points that must pass."""
    return [point for point in kept(suite).read_text().splitlines() if lib.chosen(point, words)]


def results():
    """The kept rows, as dictionaries."""
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    return [dict(zip(COLUMNS, line.split("\t"))) for line in lines[1:]]


def accept(suite, accounts, versions, races):
    """Writes the list of expected passes and the rows of these runtimes anew."""
    rows = {(row["suite"], row["cgroups"], row["runtime"].split()[0]): row for row in results()}
    for runtime, account in accounts.items():
        version, runtime_version = versions[runtime]
        figures = map(str, account.figures())
        row = dict(zip(COLUMNS, (suite, version, CGROUPS, runtime_version, *figures)))
        rows[(suite, CGROUPS, runtime_version.split()[0])] = row
    lines = ["\t".join(COLUMNS), *("\t".join(rows[key][column] for column in COLUMNS) for key in sorted(rows))]
    RESULTS.write_text("".join(f"{line}\n" for line in lines))
    if "skiff" in accounts:
        passed = [point for point in accounts["skiff"].named("passed") if point.split(":")[0] not in races]
        kept(suite).write_text("".join(f"{point}\n" for point in passed))


def compare(suite, account, version, options):
    """Against the file of expected passes. Ends with the counts of points that must pass."""
    must = expected(suite, options.words)
    known = [row["version"] for row in results() if (row["suite"], row["cgroups"]) == (suite, CGROUPS)]
    if known and version not in known:
        print(f"the suite is {version}, the list of expected passes is of {known[0]}: points that it lacks are not missed")
        must = [point for point in must if point in account.points]
    lost = [point for point in must if account.points.get(point) != "passed"]
    for point in lost:
        print(f"error: passed before: {point}: {account.points.get(point, 'never came to it')}", file=sys.stderr)
    print(f"{len(must) - len(lost)} passed, {len(lost)} failed, 0 skipped")
    sys.exit(1 if lost else 0)


def arguments(parser):
    """The command line that both suites have."""
    parser.add_argument("words", nargs="*", help="only these programs or files, or single \"FILE: NAME\"")
    parser.add_argument("--runtime", action="append", choices=["skiff", "crun", "runc"],
                        help="judge this one; may be given several times (default: skiff)")
    parser.add_argument("--accept", action="store_true",
                        help="write the list of expected passes and the rows of results.tsv anew, after a whole run")
    parser.add_argument("--lanes", type=int, default=1 if lib.VERSION_2 else 3,
                        help="how many programs or files at once (default: 3, with version 2 cgroups 1)")
    parser.add_argument("--logs", type=pathlib.Path, help="keep what each program prints in this folder")
    options = parser.parse_args()
    if options.accept and options.words:
        parser.error("--accept is for whole runs")
    return options
