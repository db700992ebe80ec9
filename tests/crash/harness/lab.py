"""A place for one fault at a time: a disk, a daemon on it, and what the daemon has promised."""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import shutil
import signal
import time

from . import machine, store
from .disk import Disk, copy_sparse
from .engine import Lost
from .workloads import Model, Together


class World:
    """What all labs share: tools, images, the registry, and a disk image for each template."""

    def __init__(self, root, engine, tools, registry, images, workloads):
        self.root = root
        self.engine = engine  # the class of daemon under test
        self.tools = tools
        self.registry = registry
        self.images = images
        self.workloads = workloads
        self.version = None  # of the engine
        self.pusher = None  # a daemon that has all images
        self.templates = {}  # name -> (disk image, Model)
        self.trees = {name: image.tree for name, image in images.items()}
        self.by_id = {image.id: image.tree for image in images.values()}
        self.resumable = set()
        self.durations = {}  # of each workload, in seconds, undisturbed
        self.counts = {}  # of the calls that each workload makes, by kind
        self.recordings = {}  # of workloads on a logged disk


class Lab:
    def __init__(self, world, name, engine=None):
        self.world = world
        self.work = world.root / name
        self.work.mkdir()
        self.disk = Disk(self.work / "image", self.work / "disk")
        self.engine = engine or world.engine
        self.daemon = self.make_daemon()
        self.seam = self.daemon.seam
        self.model = Model({})
        self.images_used = 0
        self.said = ""  # by the client of the step that failed
        self.has_power = True

    def make_daemon(self):
        return self.engine(*self.daemon_arguments())

    def daemon_arguments(self):
        parent = "-".join([self.world.root.parent.name, self.world.root.name, self.work.name])
        return self.world.tools, self.work, self.disk.at, f"/{parent}"

    def client(self, arguments):
        return self.daemon.client(*arguments)

    def begin(self, template):
        """A daemon on a copy of the template's store."""
        image, model = self.world.templates[template]
        copy_sparse(image, self.new_image())
        self.model = model.copy()
        self.has_power = True
        self.daemon.log.unlink(missing_ok=True)
        self.disk.mount()
        self.daemon.start()

    def suppose(self, before, done, broken_off):
        """What is promised by a store that comes from elsewhere, where these steps were made."""
        self.model = before.copy()
        for step in done:
            self.model.acknowledged(step)
        if broken_off is not None:
            self.model.broken_off(broken_off)
        return broken_off

    def at_home_of(self, _):
        """As if the recording's own lab were this one."""
        return contextlib.nullcontext()

    def new_image(self):
        """A file for the next disk: what the loop device of the one before still writes must not
        reach it."""
        self.disk.image.unlink(missing_ok=True)
        self.images_used += 1
        self.disk.image = self.work / f"image-{self.images_used}"
        self.seam.clear()
        return self.disk.image

    def run(self, steps):
        """The steps until one fails: that one, or what failed of it; or None."""
        for step in steps:
            with concurrent.futures.ThreadPoolExecutor(len(step.parts)) as clients:
                answers = list(clients.map(lambda part: self.client(part.arguments), step.parts))
            failed = []
            for part, (code, text) in zip(step.parts, answers):
                # A machine without power answers nobody: this daemon may, between the cut and its end, and a sync
                # that was under way at the cut may succeed for what the disk then has not got.
                if code == 0 and self.has_power:
                    self.model.acknowledged(part)
                else:
                    self.model.broken_off(part)
                    failed.append((part, text))
            if failed:
                self.said = " | ".join(text for _, text in failed)
                return Together([part for part, _ in failed])
        return None

    def check(self, broken_off=None):
        """Everything that must hold of a store that was just opened again."""
        self.check_images()
        self.check_records()
        if broken_off is not None:
            self.repeat(broken_off)
            self.check_images()
        if self.daemon.name == "skiffd":
            store.check_emptied(self.daemon)
        self.daemon.stop()

    def repeat(self, broken_off):
        for part in broken_off.parts:
            code, text = self.client(part.arguments)
            if code != 0 and not part.removes:  # what is gone cannot be removed again
                raise Lost(f"the same request fails afterwards: {text[-300:]}")
        self.model.maybe = {}
        for part in broken_off.parts:
            self.model.acknowledged(part)

    def check_records(self, unneeded_too=True):
        if self.daemon.name == "skiffd":
            store.check_records(self.daemon, self.world.resumable, unneeded_too)

    def check_images(self):
        listed = {}
        for image in json.loads(self.daemon.ask("GET", "/images/json?all=1")):
            tags = [self.daemon.name_of(tag) for tag in image.get("RepoTags") or [] if tag != "<none>:<none>"]
            listed |= {tag: image["Id"] for tag in tags}
            trees = [self.tree_of(tag) for tag in tags]
            known = trees[0] if trees else self.world.by_id.get(image["Id"])
            store.check_whole(self.daemon, image["Id"], tags, known)
        lost = [tag for tag in self.model.present if tag not in listed]
        if lost:
            raise Lost(f"acknowledged and gone: {' '.join(lost)}")

    def tree_of(self, tag):
        name = self.model.present.get(tag) or self.model.maybe.get(tag)
        if name is None:
            raise Lost(f"{tag} is there, which nobody asked for or which was removed")
        return self.world.trees[name]

    def reboot(self):
        """As after a power cut: processes, mounts and run files are gone, the disk stays."""
        self.end_processes()
        self.daemon.process = None
        shutil.rmtree(self.work / "run", ignore_errors=True)
        self.release_disk()

    def end(self):
        """Nothing of this lab is at work any more."""
        self.reboot()

    def end_processes(self):
        deadline = time.monotonic() + 60
        while found := self.processes():
            for pid in found:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if self.daemon.process is not None:
                self.daemon.process.poll()
            if time.monotonic() > deadline:
                raise Lost(f"processes do not end: {found}")
            time.sleep(0.005)

    def processes(self):
        """Those that are the lab's."""
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                owned = self.daemon.owns(process)
                state = (process / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if owned and state != "Z" and int(process.name) != os.getpid():
                found.append(int(process.name))
        return found

    def release_disk(self):
        deadline = time.monotonic() + 60
        while mounts := machine.mounts_below(self.work):
            for at in reversed(mounts):
                try:
                    machine.unmount(at)
                except OSError as error:
                    if time.monotonic() > deadline:
                        raise Lost(f"mount stays: {at}: {error}") from error
                    time.sleep(0.005)
        while self.disk.attached():
            if time.monotonic() > deadline:
                raise Lost(f"something keeps the disk: {self.disk.device}")
            time.sleep(0.005)
        self.disk.mounted = False
