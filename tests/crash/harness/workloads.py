"""What clients ask for while something breaks, and what may be there afterwards."""
import dataclasses

from .machine import BLANK, PUSHED


@dataclasses.dataclass
class Step:
    """One command of the stock client. `adds` and `removes` are what its success promises."""
    arguments: list
    adds: dict = dataclasses.field(default_factory=dict)  # tag -> name of the tree
    removes: set = dataclasses.field(default_factory=set)
    removes_all: bool = False
    pushes: set = dataclasses.field(default_factory=set)  # what a near registry has by it
    deletes: set = dataclasses.field(default_factory=set)  # what it, or the registry of deletes, has no more

    @property
    def parts(self):
        return [self]


@dataclasses.dataclass
class Together:
    """Steps that as many clients make at once, of names that differ."""
    parts: list


@dataclasses.dataclass
class Workload:
    name: str
    start: str  # the template whose store it begins with
    steps: list
    lab: str = "engine"  # what the fault meets


@dataclasses.dataclass
class Model:
    """The images that must be there, and those that may be: {tag: name of the tree}."""
    present: dict
    maybe: dict = dataclasses.field(default_factory=dict)

    def acknowledged(self, step):
        gone = set(self.present) if step.removes_all else step.removes
        self.present = {tag: tree for tag, tree in self.present.items() if tag not in gone} | step.adds

    def broken_off(self, step):
        gone = set(self.present) if step.removes_all else step.removes
        self.maybe |= step.adds | {tag: self.present.pop(tag) for tag in list(self.present) if tag in gone}

    def copy(self):
        return Model(dict(self.present), dict(self.maybe))


def loaded(name):
    return f"crash/{name}"


BUILT = "crash/built:1"
CHANGED = "changed"  # a container that something was written to


def make_workloads(images, registry, context, root):
    """{name: Workload}; `images` are the archives, `registry` serves them too; `root` is a tree's tar."""
    def remote(name):
        return f"{registry}/crash/{name}"

    def pull(name):
        return Step(["pull", "-q", remote(name)], {remote(name): name})

    def load(name):
        return Step(["load", "-q", "-i", images[name].archive], {loaded(name): name})

    def push(name):
        # To the registry of the lab.
        return Step(["push", "-q", f"{{registry}}/crash/{name}"], {loaded(name): name})

    def rmi(tag):
        return Step(["rmi", tag], removes={tag})

    # Copies of one store may not share the bridge that it names.
    build = Step(["build", "-q", "--network", "none", "-t", BUILT, context], {BUILT: "built"})
    import_root = Step(["import", root, "crash/imported:1"], {"crash/imported:1": "imported"})
    # The second time the layer is there.
    commit = [Step(["commit", CHANGED, tag], {tag: "committed"}) for tag in ["crash/committed:1", "crash/committed:2"]]
    prune = Step(["system", "prune", "-a", "-f"], removes_all=True)
    tidy = Step(["image", "prune", "-f"])  # of what has no name: nothing, but it collects
    # The last blob goes with its image, and comes back from the registry of the same process.
    home = "{registry}/crash/app:1"
    near = [load("app:1"), Step(["tag", loaded("app:1"), home], {home: "app:1"}),
            Step(["push", "-q", home], pushes={loaded("app:1")}),
            rmi(loaded("app:1")), rmi(home), Step(["pull", "-q", home], {home: "app:1"}),
            # No command of the client's: see near_lab. The engine's image keeps the files.
            Step(["DELETE", loaded("app:1")], deletes={loaded("app:1")})]
    # One upload: see chunks_lab.
    chunks = [Step([word]) for word in ["POST", "PATCH", "PATCH", "GET", "PATCH", "PUT"]]
    # Requests, and then what they made garbage goes: see deletes_lab.
    deletes = [Step(["tag", loaded("base:1")], removes={loaded("base:1")}), Step(["blob", loaded("app:1")], deletes={"loose"}),
               Step(["manifest", loaded("app:1")], removes={loaded("app:1")}), Step(["collect"])]
    all_of_it = [
        Workload("pull", "empty", [pull("app:1"), pull("other:1")]),
        Workload("load", "empty", [load("app:1"), load("other:1")]),
        Workload("import", "empty", [import_root]),
        Workload("build", "base", [build]),
        Workload("commit", "changed", commit),
        Workload("rmi", "full", [rmi(remote("app:1")), rmi(BUILT), rmi(loaded("other:1"))]),
        Workload("prune", "full", [prune]),
        Workload("push", BLANK, [push("app:1"), push("other:1")], "registry"),
        Workload("chunks", BLANK, chunks, "chunks"),
        Workload("near", "empty", near, "near"),
        Workload("deletes", PUSHED, deletes, "deletes"),
        Workload("mixed", "changed", [pull("app:1"), rmi(remote("app:1")), build, *commit, load("other:1"),
                                      import_root, prune, pull("other:1")]),
        # The same layers come by one name while they go by another.
        Workload("together", "full", [
            Together([rmi(remote("app:1")), load("app:1"), pull("other:1"), rmi(BUILT), tidy]),
            Together([rmi(loaded("app:1")), pull("app:1"), rmi(remote("other:1")), tidy])]),
    ]
    return {workload.name: workload for workload in all_of_it}


def of_a_peer(workloads):
    """Those that engines are compared by. Nothing is built: podman's containers need limits raised
    that root may not raise everywhere."""
    return {name: dataclasses.replace(workloads[name], steps=[step for step in workloads[name].steps
                                                              if BUILT not in step.removes])
            for name in ["pull", "load", "rmi"]}


def templates(workloads, context):
    """What each template's store is filled by: {name: steps}."""
    load_base = Step(["load", "-q", "-i", workloads["load"].steps[0].arguments[-1].with_name("base-1.tar")],
                     {loaded("base:1"): "base:1"})
    fill = [load_base, workloads["pull"].steps[0], workloads["load"].steps[1]]
    if "build" not in workloads:
        return {"empty": [], "base": [load_base], "full": fill}
    change = [Step(["run", "--network", "none", "--name", CHANGED, loaded("base:1"), "/probe", "/made"]),
              Step(["cp", context / "data", f"{CHANGED}:/data"])]
    return {"empty": [], "base": [load_base], "full": [*fill, workloads["build"].steps[0]],
            "changed": [load_base, *change]}
