"""The settings of players, which are query parameters of pages."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Query

from app.web.views.parts.navigation import Choice

FlowEncoding = Literal["direction", "xy"]
FrameNumber = Annotated[int | None, Query(ge=1, le=100_000)]  # counted from 1
FLOW_ENCODING_TEXTS = {"direction": "direction", "xy": "x, y, magnitude"}


@dataclass(frozen=True)
class PlayerSettings:
    """How a player shows a stimulus. The fields are query parameters of the pages that have a player."""

    view: FlowEncoding = "direction"
    arrows: bool = False
    rate: Literal["0.25", "0.5", "1", "2"] = "1"
    again: Literal["bounce", "loop", "once"] = "bounce"
    frame: FrameNumber = None  # where the player is paused

    @property
    def query_params(self) -> dict[str, str]:
        """The settings that differ from the defaults, as query parameters."""
        values = {"frame": str(self.frame or ""), "view": self.view, "arrows": "1" if self.arrows else ""}
        values |= {"rate": self.rate, "again": self.again}
        return {name: value for name, value in values.items() if value and value != getattr(self.defaults, name)}

    @property
    def defaults(self) -> "PlayerSettings":
        return type(self)()


@dataclass(frozen=True)
class ClipPlayerSettings(PlayerSettings):
    """How a player shows a real clip, which has a beginning and an end."""

    again: Literal["bounce", "loop", "once"] = "loop"


@dataclass(frozen=True)
class PairPlayerSettings(PlayerSettings):
    """How two classes are shown side by side: their stimuli share one clock, their clips another."""

    clip_frame: FrameNumber = None

    @property
    def query_params(self) -> dict[str, str]:
        return super().query_params | ({"clip_frame": str(self.clip_frame)} if self.clip_frame else {})


def flow_encoding_choices(settings: PlayerSettings, link: Callable[..., str]) -> tuple[Choice, ...]:
    """Return the encodings of flow as choices of a page.

    `link(view=...)` gives the page's address with an encoding, or with None for the default one.
    """
    return tuple(
        Choice(text, link(view=None if name == settings.defaults.view else name), name == settings.view, name)
        for name, text in FLOW_ENCODING_TEXTS.items()
    )
