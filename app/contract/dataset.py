"""Data sets and their labelled clips."""

from pydantic import Field

from app.contract.model import Model
from app.contract.network import Slug
from app.contract.result import MediaRef, MediaRole, RenderedMedia

MAX_CLIP_NAME_LENGTH = 200
MAX_TITLE_LENGTH = 120
CLIP_FPS = 25  # frames per second of every stored clip
MAX_CLIP_FRAMES = 64  # of a stored clip; the longest input of the networks here


class Dataset(Model):
    """A named set of labelled clips. `classes` are its labels, in the set's own order; `clips` is their number."""

    slug: Slug
    title: str
    summary: str = ""
    classes: tuple[str, ...]
    clips: int


class NewClip(Model):
    """A clip that is to be added to a data set; `source` is the path of its video there, where it has one.

    Clips of one `group` (of one recording, or of one person) are not independent; None where that is not known.
    """

    name: str = Field(min_length=1, max_length=MAX_CLIP_NAME_LENGTH)
    label: str = Field(min_length=1, max_length=200)
    source: str | None = None
    group: str | None = Field(default=None, min_length=1)
    media: tuple[RenderedMedia, ...]


class ClipSource(Model):
    """Which video a clip was made of; `source` is None for a clip from before it was stored."""

    name: str
    label: str
    source: str | None
    group: str | None = None


class Clip(Model):
    """The middle of a video, CLIP_FPS frames a second of 240 x 240 pixels: enough for the inputs of any network.

    Its media are a video and a poster, and those of its flow where that has been computed.

    `name` is unique within its data set; `label` is as the data set spells it.
    """

    id: int
    dataset: str
    name: str
    label: str
    media: tuple[MediaRef, ...]

    @property
    def video(self) -> MediaRef | None:
        """Return its video, whose checksum names the clip in recipes; None for one that came in a bundle of stills."""
        return self.medium(MediaRole.VIDEO)

    def medium(self, role: MediaRole) -> MediaRef | None:
        return next((medium for medium in self.media if medium.role is role), None)
