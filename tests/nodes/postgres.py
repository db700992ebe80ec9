"""A PostgreSQL server for a test: in a directory of its own, reached by a Unix socket there, as nobody."""
import os
import pathlib
import signal
import subprocess
import time

NOBODY = 65534
PROGRAMS = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), default=pathlib.Path("/usr/lib/postgresql"))


class Postgres:
    def __init__(self, directory):
        self.directory, self.data, self.log = directory, directory / "data", directory / "log"
        directory.mkdir()
        if os.geteuid() == 0:
            os.chown(directory, NOBODY, NOBODY)
        self.run("initdb", "-D", self.data, "-U", "skiff", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync").wait()
        self.start()

    @property
    def url(self):
        return f"postgresql://skiff@/postgres?host={self.directory}"

    def run(self, program, *arguments):
        drop = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        with self.log.open("a") as log:
            return subprocess.Popen([PROGRAMS / program, *arguments], stdout=log, stderr=subprocess.STDOUT, cwd="/", **drop)

    def start(self):
        self.process = None
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            # Children of one that was killed go when they notice; until then another does not start.
            if self.process is None or self.process.poll() is not None:
                self.process = self.run("postgres", "-D", self.data, "-k", self.directory, "-c", "listen_addresses=",
                                        "-c", "shared_buffers=16MB")
            if self.run("pg_isready", "-q", "-h", self.directory).wait() == 0:
                return
            time.sleep(0.05)
        raise SystemExit(f"error: PostgreSQL did not start: {self.log.read_text()}")

    def url_of(self, database):
        return self.url.replace("/postgres?", f"/{database}?")

    @property
    def copy_url(self):
        return self.url_of("copy")

    def make(self, database):
        subprocess.run([PROGRAMS / "createdb", "-h", self.directory, "-U", "skiff", database], check=True)

    def copy(self):
        """Makes the database `copy` what pg_dump says of this one."""
        dump = self.directory.parent / "dump"
        subprocess.run([PROGRAMS / "pg_dump", "-Fc", "-f", dump, self.url], check=True)
        self.make("copy")
        subprocess.run([PROGRAMS / "pg_restore", "-d", self.copy_url, dump], check=True)

    def kill(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        self.process.wait()

    def stop(self):
        self.kill(signal.SIGQUIT)
