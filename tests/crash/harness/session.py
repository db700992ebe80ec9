"""One run of the harness: prepares the world, plans cases, works through them, reports."""
import collections
import concurrent.futures
import dataclasses
import io
import pathlib
import queue
import random
import re
import time
import traceback

from . import machine
from .cases import BLOCK_FAMILIES, FAILURES, FAMILIES, Case, Recording, run_case
from .deletes_lab import fill
from .disk import Disk
from .engine import Dockerd, Lost, Podman, Registry, Skiffd
from .images import make_images, make_root, tree_of_export
from .lab import Lab, World
from .labs import LABS, make_lab
from .registry_lab import RegistryLab
from .workloads import BUILT, CHANGED, Model, Step, make_workloads, of_a_peer, templates

# Points of each workload in the short form.
SHORT = {"kill": 7, "power": 7, "cut": 2, "enospc": 2, "eio-write": 2, "eio-sync": 3, "block": 6, "torn": 2,
         "reordered": 4}
ENGINES = {engine.name: engine for engine in [Skiffd, Dockerd, Podman]}
# The workloads of the block families.
RECORDED = ["pull", "load", "import", "build", "commit", "rmi", "prune", "push", "near", "deletes"]


def say(text):
    print(text, flush=True)


def make_world(root, engine, options):
    tools = machine.compile_tools(root)
    registry = Registry(tools, root / "registry", root / "registry")
    registry.start()
    probe = (root / "probe").read_bytes()
    images = make_images(probe, root)
    root_archive, root_tree = make_root(probe, root)
    context = root / "context"
    context.mkdir()
    (context / "data").write_bytes(random.Random(9).randbytes(60_000))
    (context / "Dockerfile").write_text('FROM crash/base:1\nCOPY data /data\nRUN ["/probe", "/made"]\n')
    workloads = make_workloads(images, registry.address, context, root_archive)
    if is_comparison(options):
        workloads = of_a_peer(workloads)
    world = World(root, engine, tools, registry, images, workloads)
    world.trees["imported"] = root_tree
    fill_registry(world)
    for name, steps in templates(workloads, context).items():
        make_template(world, name, steps)
    if "deletes" in workloads:
        make_pushed(world)
    for workload in workloads.values():
        dry_run(world, workload)
    return world


def fill_registry(world):
    lab = Lab(world, "pusher", Skiffd)
    blank = world.root / "template-blank"
    Disk(blank, lab.disk.at).make()
    world.templates[machine.BLANK] = (blank, Model({}))
    lab.begin(machine.BLANK)
    world.pusher = lab.daemon
    for name, image in world.images.items():
        tag = f"{world.registry.address}/crash/{name}"
        lab.daemon.must("load", "-q", "-i", image.archive)
        lab.daemon.must("tag", f"crash/{name}", tag)
        lab.daemon.must("push", "-q", tag)
    world.resumable = resumable_digests(world)


def resumable_digests(world):
    """Of all that a pull fetches: its download may be continued."""
    blobs = ["sha256:" + path.name for path in (world.registry.root / "registry").rglob("*")
             if path.is_file() and len(path.name) == 64]
    return blobs + [world.registry.manifest_digest(f"crash/{name}") for name in world.images]


def make_template(world, name, steps):
    """A disk whose store the steps have filled, and the tree of what was built on it."""
    lab = Lab(world, f"template-{name}-lab")
    lab.disk.image = world.root / f"template-{name}"
    lab.disk.make()
    lab.disk.mount()
    lab.daemon.start()
    if lab.run(steps) is not None:
        raise Lost(f"template {name}: {lab.said}")
    if BUILT in lab.model.present:
        container = lab.daemon.must("create", "--network", "none", BUILT)
        world.trees["built"] = made_tree(lab, container)
        lab.daemon.must("rm", container)
    if name == "changed":
        world.trees["committed"] = made_tree(lab, CHANGED)
    world.version = lab.daemon.version()
    lab.daemon.stop()
    lab.end()
    world.templates[name] = (lab.disk.image, lab.model)


def make_pushed(world):
    """A disk with a registry that has all images, and garbage to be."""
    lab = RegistryLab(world, "template-pushed-lab")
    lab.begin(machine.BLANK)
    tags = [f"crash/{name}" for name in world.images]
    push = [Step(["push", "-q", f"{{registry}}/{tag}"], {tag: tag.removeprefix("crash/")}) for tag in tags]
    if lab.run(push) is not None:
        raise Lost(f"template {machine.PUSHED}: {lab.said}")
    fill(lab)
    lab.end()
    world.templates[machine.PUSHED] = (lab.disk.image, lab.model)


def made_tree(lab, container):
    tree = tree_of_export(io.BytesIO(lab.daemon.ask("GET", f"/containers/{container}/export")))
    base = {path: seen for path, seen in tree.items() if path in {"probe", "data", "etc/passwd", "made"}}
    return {path: dataclasses.replace(seen, time=0) for path, seen in base.items()}


def dry_run(world, workload):
    """How many calls of each kind the workload makes, and how long it takes."""
    lab = make_lab(world, f"dry-{workload.name}", workload)
    lab.begin(workload.start)
    lab.seam.arm(lab.disk.at)
    start = time.monotonic()
    if lab.run(workload.steps) is not None:
        raise Lost(f"{workload.name} without a fault: {lab.said}")
    world.durations[workload.name] = time.monotonic() - start
    world.counts[workload.name] = lab.seam.by_kind()
    lab.seam.disarm()
    lab.check()
    lab.end()


def points_of(world, family, workload):
    """How many points there are; the last is one past the end where that is cheap to try."""
    if family in BLOCK_FAMILIES:
        return len(world.recordings[workload].writes)
    if family == "cut":
        return 1500  # thousandths of the usual time
    counts = world.counts[workload]
    return sum(counts.values()) if family not in FAILURES else sum(counts[kind] for kind in FAILURES[family][2])


def is_comparison(options):
    return options.engine != [Skiffd.name]


def chosen(options, family, workload):
    if is_comparison(options) and family != "cut":
        return False  # the other families need a daemon that libraries can be preloaded into
    return not options.only or f"{family}:{workload}".startswith(tuple(options.only.split(",")))


def groups(world, options):
    for family in FAMILIES:
        for workload in world.recordings if family in BLOCK_FAMILIES else world.durations:
            if chosen(options, family, workload):
                yield family, workload


def short_plan(world, options):
    """Points spread over each workload, the same in every run."""
    for family, workload in groups(world, options):
        total, wanted = points_of(world, family, workload), SHORT[family]
        for n in range(min(wanted, total)):
            yield Case(family, workload, 1 + total * n // wanted, 1 if family in ("torn", "reordered") else 0)


def long_plan(world, options):
    """Random points of all families, until the time is over."""
    chance = random.Random(options.seed)
    end = time.monotonic() + options.long / len(options.engine)
    places = list(groups(world, options))
    while time.monotonic() < end:
        family, workload = chance.choice(places)
        seed = chance.randrange(1, 1 << 31) if family in ("torn", "reordered") else 0
        yield Case(family, workload, chance.randrange(1, points_of(world, family, workload) + 1), seed)


def kind_of(finding):
    """A finding in one line, without what differs from case to case."""
    line = " ".join(re.sub(r"[0-9a-f]{12,}|[0-9]{2,}", "N", finding).split())
    return line if len(line) < 160 else f"{line[:90]} ... {line[-60:]}"


class Report:
    def __init__(self, engine):
        self.flags = "" if engine is Skiffd else f" --engine {engine.name}"
        if engine is Skiffd and Skiffd.storage_driver != "auto":
            self.flags = f" --storage-driver {Skiffd.storage_driver}"
        self.tried = collections.Counter()
        self.lost = collections.Counter()
        self.kinds = collections.Counter()  # of findings, without what differs from case to case

    def add(self, case, hit, finding):
        group = f"{case.family} {case.workload}"
        self.tried[group] += 1
        if finding is None:
            return
        self.lost[group] += 1
        self.kinds[kind_of(finding)] += 1
        say(f"FAILED  {case} ({hit or 'see below'}): {finding}\n    replay: tests/crash/run{self.flags} --replay {case}")

    def summary(self, world, skipped):
        for group, tried in self.tried.items():
            family, workload = group.split()
            verdict = "FAILED " if self.lost[group] else "ok     "
            say(f"{verdict} {group}: {tried} of {points_of(world, family, workload)} points, {self.lost[group]} lost")
        failed = sum(1 for group in self.tried if self.lost[group])
        say(f"{sum(self.tried.values())} points tried, {sum(self.lost.values())} lost")
        for kind, times in self.kinds.most_common():
            say(f"    {times} times: {kind}")
        say(f"{len(self.tried) - failed} passed, {failed} failed, {skipped} skipped")
        return 1 if failed else 0


def attempt(world, labs, case):
    place = labs.get()
    lab = place[world.workloads[case.workload].lab]
    try:
        return case, run_case(lab, case), None
    except Lost as lost:
        return case, lab.seam.fired(), str(lost)
    except Exception:  # noqa: BLE001  a bug of the harness's is a failure to tell, too
        return case, lab.seam.fired(), traceback.format_exc()
    finally:
        labs.put(place)


def work_through(world, plan, jobs, report):
    labs = queue.Queue()
    for n in range(jobs):
        labs.put({kind: lab(world, f"{kind}-lab{n}") for kind, lab in LABS.items()})
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = set()
        for case in plan:
            running.add(pool.submit(attempt, world, labs, case))
            if len(running) < jobs:
                continue
            done, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                report.add(*future.result())
        for future in concurrent.futures.as_completed(running):
            report.add(*future.result())


def to_record(options, replayed):
    """The workloads that block families need."""
    if replayed:
        return {case.workload for case in replayed if case.family in BLOCK_FAMILIES}
    return {workload for workload in RECORDED for family in BLOCK_FAMILIES if chosen(options, family, workload)}


def record(world, workloads):
    """Fills world.recordings; returns why there are none, or None."""
    if not pathlib.Path("/dev/fuse").exists():
        return "no /dev/fuse on this machine"
    try:
        for name in sorted(workloads):
            world.recordings[name] = Recording(world, world.workloads[name])
    except machine.Unavailable as lacking:
        return str(lacking)
    return None


def run(root, options):
    """Each engine in turn, and a table of them where they are several. Returns the exit code, which
    a peer's losses do not change."""
    Skiffd.storage_driver = options.storage_driver
    code, table = 0, []
    for name in options.engine:
        own_root = root / name
        own_root.mkdir()
        try:
            version, report, failed = run_engine(own_root, ENGINES[name], options)
        except machine.Unavailable as lacking:
            say(f"skipped {name}: {lacking}")
            say("0 passed, 0 failed, 1 skipped")
            continue
        finally:
            machine.end_all(own_root)
        if name == Skiffd.name:
            code = failed
        table.append(f"| {name} {version} | {sum(report.tried.values())} | {sum(report.lost.values())} |")
    if is_comparison(options):
        say("\n".join(["| Engine | Cuts | Lost |", "|---|---|---|", *table]))
    return code


def run_engine(root, engine, options):
    """The engine's version, the report, and an exit code."""
    start = time.monotonic()
    lacking = machine.missing_engine(engine.name)
    if lacking:
        raise machine.Unavailable(lacking)
    world = make_world(root, engine, options)
    replayed = [Case.parse(text) for text in options.replay or []]
    skipped = record(world, to_record(options, replayed))
    if skipped:
        say(f"skipped block writes: {skipped}")
    say(f"{engine.name}: prepared in {time.monotonic() - start:.1f} s")
    report = Report(engine)
    plan = replayed or (long_plan(world, options) if options.long else short_plan(world, options))
    work_through(world, plan, options.jobs, report)
    return world.version, report, report.summary(world, 1 if skipped else 0)
