"""Disks in files: an ext4 on a loop device that can lose its power, and one whose every block
write is logged and can be played again up to any point."""
import dataclasses
import fcntl
import os
import pathlib
import random
import struct
import subprocess

from . import machine

SIZE = 160 << 20
LOOP_CTL_GET_FREE = 0x4C82
LOOP_CONFIGURE = 0x4C0A
LO_FLAGS_AUTOCLEAR = 4
EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2


def attach_loop(file):
    """A loop device over the file, which frees itself when nothing uses it: (path, fd)."""
    backing = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    try:
        if not os.path.exists("/dev/loop-control"):
            raise machine.Unavailable("no loop devices on this machine")
        with open("/dev/loop-control", "rb+", buffering=0) as control:
            for _ in range(100):
                path = f"/dev/loop{fcntl.ioctl(control, LOOP_CTL_GET_FREE)}"
                device = os.open(path, os.O_RDWR | os.O_CLOEXEC)
                info = struct.pack("=5Q4I64s64s32s2Q", 0, 0, 0, 0, 0, 0, 0, 0, LO_FLAGS_AUTOCLEAR, b"", b"", b"", 0, 0)
                try:
                    fcntl.ioctl(device, LOOP_CONFIGURE, struct.pack("=II", backing, 0) + info + bytes(64))
                    return path, device
                except OSError as error:
                    os.close(device)
                    if error.errno != 16:  # EBUSY: somebody else took it meanwhile
                        raise
        raise machine.Unavailable("no loop device is free")
    finally:
        os.close(backing)


def copy_sparse(source, target):
    subprocess.run(["cp", "--sparse=always", source, target], check=True)


class Disk:
    """An ext4 file system in `image`, mounted at `at` while in use."""

    def __init__(self, image, at):
        self.image = pathlib.Path(image)
        self.at = pathlib.Path(at)
        self.at.mkdir(exist_ok=True)
        self.mounted = False
        self.device = None

    def make(self):
        with open(self.image, "wb") as file:
            file.truncate(SIZE)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0",
                        str(self.image)], check=True)

    def mount(self):
        path, device = attach_loop(self.image)
        try:
            machine.mount(path, self.at, "ext4")
        finally:
            os.close(device)
        self.device = pathlib.Path("/sys/block") / pathlib.Path(path).name
        self.mounted = True

    def unmount(self):
        if self.mounted:
            machine.unmount(self.at)
        self.mounted = False

    def attached(self):
        """Whether a file system that nobody sees any more may still write to the image."""
        if self.device is None:
            return False
        try:
            return (self.device / "loop/backing_file").read_text().startswith(str(self.image))
        except OSError:
            return False

    def cut_power(self):
        """What only the kernel's memory holds is lost, and every write from here on fails."""
        directory = os.open(self.at, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(directory, EXT4_IOC_SHUTDOWN, struct.pack("=I", NO_LOG_FLUSH))
        finally:
            os.close(directory)


SECTOR = 4096  # what a disk writes whole or not at all; ext4 relies on it for its superblock
HEAD = struct.Struct("<3Q")
FLUSH = 1


@dataclasses.dataclass
class Write:
    offset: int
    at: int  # where its bytes are in the log
    length: int


class BlockLog:
    """`image` served through blocklog as the backing file of a loop device. `served` is to be
    handed to a Disk; `position()` tells how much of the log is written."""

    def __init__(self, tools, directory, image):
        self.base = pathlib.Path(directory) / "base"
        self.live = pathlib.Path(directory) / "live"
        self.log = pathlib.Path(directory) / "log"
        self.point = pathlib.Path(directory) / "fuse"
        self.point.mkdir(exist_ok=True)
        copy_sparse(image, self.base)
        copy_sparse(image, self.live)
        self.server = subprocess.Popen([tools / "blocklog", self.live, self.log, self.point],
                                       stdout=subprocess.PIPE, text=True)
        if self.server.stdout.readline() != "ready\n":
            raise machine.Unavailable("no FUSE file system can be mounted")
        self.served = self.point / "disk"

    def position(self):
        return self.log.stat().st_size

    def stop(self):
        """After it was unmounted."""
        self.server.wait(60)

    def epochs(self):
        """The writes between two flushes, in order, as lists."""
        epoch, out, at = [], [], 0
        with open(self.log, "rb") as log:
            while head := log.read(HEAD.size):
                offset, length, kind = HEAD.unpack(head)
                at += HEAD.size
                if kind == FLUSH:
                    out.append(epoch)
                    epoch = []
                    continue
                epoch.append(Write(offset, at, length))
                at += length
                log.seek(at)
        out.append(epoch)
        return out

    def replay(self, writes, target):
        """The base image after the writes: (write, bytes of it that reached the disk) each."""
        copy_sparse(self.base, target)
        with open(self.log, "rb") as log, open(target, "rb+") as disk:
            for write, length in writes:
                log.seek(write.at)
                disk.seek(write.offset)
                disk.write(log.read(length))


def crash_states(epochs, point, kind, seed):
    """The writes that a cut after the `point`-th write (from 1) leaves. Of the flush epoch that the
    cut falls in: "prefix": all up to it; "torn": the last one only in part, by sectors; "reordered":
    any of it, in any choice. Everything before the epoch is on the disk."""
    before, rest = [], point
    for epoch in epochs:
        if rest <= len(epoch):
            current = epoch[:rest]
            break
        rest -= len(epoch)
        before += epoch
    whole = [(write, write.length) for write in before]
    if kind == "prefix":
        return whole + [(write, write.length) for write in current]
    chance = random.Random(seed)
    if kind == "torn":
        last = current[-1]
        part = chance.randrange(0, max(last.length // SECTOR, 1)) * SECTOR
        return whole + [(write, write.length) for write in current[:-1]] + [(last, part)]
    kept = [write for write in current if chance.random() < 0.5]
    return whole + [(write, write.length) for write in kept]
