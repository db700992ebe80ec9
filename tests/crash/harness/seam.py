"""The harness's side of seam.c: what a preloaded daemon counts, and what its n-th call meets."""
import mmap
import os
import struct

KINDS = ["write", "sync", "rename", "create", "unlink"]
ACTIONS = {"count": 0, "kill": 1, "power": 2, "fail": 3, "fail-on": 4}
LAYOUT = struct.Struct("=8Q3Ii256s512s")
ARMED_AT = 64


class Seam:
    """The control block of one daemon, in `file`."""

    def __init__(self, library, file):
        self.library = library
        self.file = file
        with open(file, "wb") as out:
            out.write(bytes(LAYOUT.size))
        self.map = mmap.mmap(os.open(file, os.O_RDWR | os.O_CLOEXEC), LAYOUT.size)

    def environment(self):
        return {"LD_PRELOAD": str(self.library), "CRASH_SEAM": str(self.file)}

    def arm(self, root, action="count", at=0, kinds=KINDS, error=0):
        """From now on the daemon's calls on the file system of `root` count; the `at`-th of these
        kinds meets the action."""
        mask = sum(1 << KINDS.index(kind) for kind in kinds)
        self.map[:] = LAYOUT.pack(os.stat(root).st_dev, at, 0, 0, 0, 0, 0, 0, 0, mask, ACTIONS[action], error,
                                  str(root).encode(), b"")
        self.map[ARMED_AT] = 1

    def clear(self):
        self.map[:] = bytes(LAYOUT.size)

    def disarm(self):
        self.map[ARMED_AT] = 0

    def armed(self):
        return self.map[ARMED_AT] != 0

    def counted(self):
        return LAYOUT.unpack(self.map[:])[2]

    def by_kind(self):
        return dict(zip(KINDS, LAYOUT.unpack(self.map[:])[3:8]))

    def fired(self):
        """The call that met the action, in words; "" where none did."""
        return LAYOUT.unpack(self.map[:])[13].rstrip(b"\0").split(b"\0")[0].decode(errors="replace")
