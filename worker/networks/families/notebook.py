"""The family of networks that were traced in a notebook, whose code no worker has.

Their weights carry the name of the module as their config, from which nothing can be built.
"""

from typing import NoReturn

from torch import nn

from app.contract.errors import InvalidRequest
from app.contract.network import Extent, Stream, StreamName
from worker.networks.registry import Family, register

FAMILY = "notebook"


def refuse_config(module_name: str) -> Family:
    """Refuse to build a network whose code is in a notebook alone."""
    _refuse(f"The module {module_name}")


@register(
    name=FAMILY,
    title="Module of a notebook",
    summary="A module that was traced and saved from a notebook (docs/notebook.md).",
    streams=(Stream(name=StreamName.CLIP, frames=16, height=112, width=112),),
    stimulus=Extent(frames=16, height=112, width=112),
    classes=1,
    configure=refuse_config,
)
def refuse_module(classes: int) -> nn.Module:
    """Refuse to build any network: its code is not here."""
    _refuse("A module of a notebook")


def _refuse(subject: str) -> NoReturn:
    raise InvalidRequest(
        f"{subject} was saved from a notebook, and workers do not have its code: visualize its units there, or write a "
        "family file and add the network with it (docs/networks.md)."
    )
