"""The faults. A case is one fault at one point of one workload: `FAMILY:WORKLOAD:POINT[:SEED]`."""
import dataclasses
import errno
import threading
import time

from .disk import BlockLog, crash_states
from .engine import Lost
from .labs import make_lab

# What the failing families inject: into one call, or into all from there on, of which kinds.
FAILURES = {"enospc": (errno.ENOSPC, "fail-on", ["write", "create"]), "eio-write": (errno.EIO, "fail", ["write"]),
            "eio-sync": (errno.EIO, "fail", ["sync"])}
TOLD = {errno.ENOSPC: ["no space left", "disk is full", "database or disk"],
        errno.EIO: ["input/output error", "i/o error"]}
BLOCK_FAMILIES = {"block": "prefix", "torn": "torn", "reordered": "reordered"}
FAMILIES = ["kill", "power", "cut", *FAILURES, *BLOCK_FAMILIES]


@dataclasses.dataclass(frozen=True)
class Case:
    family: str
    workload: str
    point: int
    seed: int = 0

    def __str__(self):
        return f"{self.family}:{self.workload}:{self.point}" + (f":{self.seed}" if self.seed else "")

    @staticmethod
    def parse(text):
        family, workload, point, *seed = text.split(":")
        return Case(family, workload, int(point), int(seed[0]) if seed else 0)


def run_case(lab, case):
    """Raises Lost; returns what was hit, in words, or None where the workload never came so far."""
    try:
        if case.family in ("kill", "power"):
            return die_at_call(lab, case)
        if case.family == "cut":
            return cut_at_instant(lab, case)
        if case.family in FAILURES:
            return fail_at_call(lab, case)
        return cut_at_block(lab, case)
    finally:
        lab.end()


def die_at_call(lab, case):
    """kill -9, or a power cut, instead of the n-th call that would change the store."""
    workload = lab.world.workloads[case.workload]
    lab.begin(workload.start)
    lab.seam.arm(lab.disk.at, case.family, case.point)
    broken_off = lab.run(workload.steps)
    hit = lab.seam.fired()
    if not hit:
        lab.seam.disarm()
        if broken_off is not None:
            raise Lost(f"without a fault: {lab.said}")
        lab.check()
        return None
    lab.daemon.process.wait()
    if case.family == "power":
        lab.reboot()
        lab.disk.mount()
    lab.daemon.start()
    lab.check(broken_off)
    return hit


def cut_at_instant(lab, case):
    """A power cut when `point` thousandths of the workload's usual time are over."""
    workload = lab.world.workloads[case.workload]
    delay = lab.world.durations[case.workload] * case.point / 1000
    lab.begin(workload.start)

    def pull_the_plug():
        time.sleep(delay)
        lab.has_power = False
        lab.disk.cut_power()
        lab.daemon.process.kill()

    thread = threading.Thread(target=pull_the_plug)
    thread.start()
    broken_off = lab.run(workload.steps)
    thread.join()
    lab.daemon.process.wait()
    lab.reboot()
    lab.disk.mount()
    lab.daemon.start()
    lab.check(broken_off)
    return f"{delay * 1000:.0f} ms"


def fail_at_call(lab, case):
    """The n-th call of a kind fails: the client is told why, or all is well. The daemon works on."""
    number, action, kinds = FAILURES[case.family]
    workload = lab.world.workloads[case.workload]
    lab.begin(workload.start)
    lab.seam.arm(lab.disk.at, action, case.point, kinds, number)
    broken_off = lab.run(workload.steps)
    hit = lab.seam.fired()
    lab.seam.disarm()
    if not hit and broken_off is not None:
        raise Lost(f"without a fault: {lab.said}")
    if hit and broken_off is not None:
        told = lab.said.lower()
        if "its log says why" in told:  # a registry's, to whoever it is
            told = lab.daemon.log.read_text().lower()
        if not any(word in told for word in TOLD[number]):
            raise Lost(f"{hit} failed, and the client was told: {lab.said[-300:]}")
    if not lab.daemon.alive():
        raise Lost(f"{hit} failed, and the daemon ended: {lab.daemon.last_words()}")
    lab.check_images()
    # What it leaves recorded and unneeded waits for a prune or the next start.
    lab.check_records(unneeded_too=False)
    # What was told to be done must be so on the disk, too.
    lab.daemon.kill()
    lab.disk.cut_power()
    lab.reboot()
    lab.disk.mount()
    lab.daemon.start()
    lab.check(broken_off)
    return hit or None


class Recording:
    """One run of a workload on a logged disk, with where in the log each step was acknowledged."""

    def __init__(self, world, workload):
        self.workload = workload
        lab = make_lab(world, f"record-{workload.name}", workload)
        image, self.before = world.templates[workload.start]
        self.address = getattr(lab.daemon, "address", None)  # of its registry
        self.turn = threading.Lock()  # of who needs that address
        self.log = BlockLog(world.tools, lab.work, image)
        self.acknowledged = []
        lab.disk.image = self.log.served
        lab.suppose(self.before, [], None)
        try:
            lab.disk.mount()
            lab.daemon.start()
            for step in workload.steps:
                if lab.run([step]) is not None:
                    raise Lost(f"without a fault: {lab.said}")
                self.acknowledged.append(self.log.position())
            lab.daemon.stop()
        finally:
            lab.end()
            self.log.stop()
        self.epochs = self.log.epochs()
        self.writes = [write for epoch in self.epochs for write in epoch]

    def acknowledged_before(self, point):
        """How many steps were acknowledged when the first `point` writes were made."""
        return sum(1 for position in self.acknowledged
                   if sum(1 for write in self.writes if write.at <= position) <= point)


def cut_at_block(lab, case):
    recording = lab.world.recordings[case.workload]
    if case.point > len(recording.writes):
        return None
    with lab.at_home_of(recording):
        return start_from_block(lab, case, recording)


def start_from_block(lab, case, recording):
    # Where the cut is inside the epoch, its flush, and what was acknowledged for it, is not done.
    done = recording.acknowledged_before(case.point - (case.family != "block"))
    steps = recording.workload.steps
    broken_off = lab.suppose(recording.before, steps[:done], steps[done] if done < len(steps) else None)
    states = crash_states(recording.epochs, case.point, BLOCK_FAMILIES[case.family], case.seed)
    recording.log.replay(states, lab.new_image())
    lab.daemon.log.unlink(missing_ok=True)
    lab.disk.mount()
    lab.daemon.start()
    lab.check(broken_off)
    last = recording.writes[case.point - 1]
    return f"{last.length} bytes at {last.offset}"
