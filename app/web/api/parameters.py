"""Path parameters that several endpoints share."""

from typing import Annotated

from fastapi import Path

NetworkSlug = Annotated[str, Path(examples=["i3d"])]
LayerName = Annotated[str, Path(examples=["class"])]
UnitIndex = Annotated[int, Path(ge=0, lt=2**31, examples=[171])]
JobId = Annotated[int, Path(ge=1, lt=2**63, examples=[1])]
