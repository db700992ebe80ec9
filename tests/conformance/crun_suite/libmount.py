"""Stands in for util-linux's Python library, which Debian does not have: as much of it as crun's tests ask for."""


class Mount:
    """A line of mountinfo."""

    def __init__(self, line):
        ahead, _, behind = line.partition(" - ")
        self.target = ahead.split()[4]
        self.vfs_options = ahead.split()[5]
        self.fs_options = behind.split()[2]


class Table:
    """The mounts of a file like /proc/self/mountinfo."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.mounts = [Mount(line) for line in file if " - " in line]

    def find_target(self, target):
        """The topmost one there."""
        return next(mount for mount in reversed(self.mounts) if mount.target == target)
