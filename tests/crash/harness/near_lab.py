"""The same for a daemon with its registry inside (skiffd --registry): both must have what they promised."""
import dataclasses

from .engine import Skiffd, free_address
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

    def make_daemon(self):
        return NearSkiffd(*self.daemon_arguments())

    def __init__(self, world, name):
        Lab.__init__(self, world, name)

    def begin(self, template):
        self.pushed = set()
        self.maybe_pushed = set()
        super().begin(template)

    def client(self, arguments):
        return Lab.client(self, arguments)

    def run(self, steps):
        for step in steps:
            failed = super().run([self.at_home(step)])
            (self.pushed if failed is None else self.maybe_pushed).update(step.pushes)
            if failed is not None:
                return failed
        return None

    def at_home(self, step):
        """The step with the registry's real address."""
        def real(words):
            return type(words)(str(word).format(registry=self.daemon.address) for word in words)
        adds = dict(zip(real(list(step.adds)), step.adds.values()))
        return dataclasses.replace(step, arguments=real(step.arguments), adds=adds, removes=real(step.removes))

    def repeat(self, broken_off):
        super().repeat(broken_off)
        for part in broken_off.parts:
            self.pushed |= part.pushes
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
