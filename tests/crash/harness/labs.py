"""The kinds of labs."""
from .chunks_lab import ChunksLab
from .deletes_lab import DeletesLab
from .lab import Lab
from .near_lab import NearLab
from .registry_lab import RegistryLab

LABS = {"engine": Lab, "registry": RegistryLab, "near": NearLab, "chunks": ChunksLab, "deletes": DeletesLab}


def make_lab(world, name, workload):
    return LABS[workload.lab](world, name)
