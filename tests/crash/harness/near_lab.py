"""The same for a daemon with its registry inside (skiffd --registry): both must have what they promised."""
import contextlib
import dataclasses
import http.client

from .engine import CALL_LIMIT, Skiffd, free_address
from .lab import Lab
from .registry_lab import RegistryLab


class NearSkiffd(Skiffd):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.address = free_address()

    def command(self):
        return [*super().command(), "--registry", self.address]


class NearLab(RegistryLab):
    registry_root = "store/registry"
    repeating = False

    def make_daemon(self):
        return NearSkiffd(*self.daemon_arguments())

    def __init__(self, world, name):
        Lab.__init__(self, world, name)

    def begin(self, template):
        self.pushed = set()
        self.maybe_pushed = set()
        super().begin(template)

    def client(self, arguments):
        if arguments[0] == "DELETE":
            return self.delete(arguments[1])
        return Lab.client(self, arguments)

    def delete(self, image):
        """A manifest of the registry's: exit code and what was said."""
        path = f"/v2/{image.rsplit(':', 1)[0]}/manifests/{self.world.registry.manifest_digest(image)}"
        connection = http.client.HTTPConnection(self.daemon.address, timeout=CALL_LIMIT)
        try:
            connection.request("DELETE", path)
            response = connection.getresponse()
            text = response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            return 1, repr(error)
        finally:
            connection.close()
        # What is gone cannot be deleted again.
        done = (202, 404) if self.repeating else (202,)
        return (0 if response.status in done else 1), text

    def run(self, steps):
        for step in steps:
            failed = super().run([self.at_home(step)])
            if failed is None:
                self.promise(step)
            else:
                self.leave_open(step)
                return failed
        return None

    def promise(self, step):
        self.pushed = (self.pushed | step.pushes) - step.deletes

    def leave_open(self, step):
        self.maybe_pushed |= step.pushes | (self.pushed & step.deletes)
        self.pushed -= step.deletes

    def suppose(self, before, done, broken_off):
        self.pushed = set()
        self.maybe_pushed = set()
        for step in done:
            self.promise(step)
        if broken_off is not None:
            self.leave_open(broken_off)
        return super().suppose(before, [self.at_home(step) for step in done],
                               broken_off and self.at_home(broken_off))

    @contextlib.contextmanager
    def at_home_of(self, recording):
        """The images on the recording's disk are named by its registry's address."""
        own = self.daemon.address
        with recording.turn:
            self.daemon.address = recording.address
            try:
                yield
            finally:
                self.end()
                self.daemon.address = own

    def at_home(self, step):
        """The step with the registry's real address."""
        def real(words):
            return type(words)(str(word).format(registry=self.daemon.address) for word in words)
        adds = dict(zip(real(list(step.adds)), step.adds.values()))
        return dataclasses.replace(step, arguments=real(step.arguments), adds=adds, removes=real(step.removes))

    def repeat(self, broken_off):
        self.repeating = True
        try:
            super().repeat(broken_off)
        finally:
            self.repeating = False
        for part in broken_off.parts:
            self.promise(part)
        self.maybe_pushed = set()

    def check(self, broken_off=None):
        """And what the engine has forgotten in the end the registry still has."""
        Lab.check(self, broken_off)
        self.daemon.start()
        self.check_registry(self.pushed, self.maybe_pushed)
        self.check_registry_records()
        self.daemon.stop()

    def check_images(self):
        Lab.check_images(self)
        self.check_registry(self.pushed, self.maybe_pushed)

    def check_records(self, unneeded_too=True):
        Lab.check_records(self, unneeded_too)
        self.check_registry_records()
