"""Stored stimuli of classes with pictures that can be read, for sessions of naming."""

import io
from collections.abc import Iterable

from PIL import Image

from app.contract.job import VisualizeJob
from app.contract.result import MediaRole, RenderedMedia
from app.store.database.engine import Store
from app.store.jobs import leases
from tests.support import claim, enqueue, measurements

SIDE, FRAMES = 32, 3


def store_stimuli(
    store: Store, *, classes: Iterable[int] = range(5), seeds: Iterable[int] = (0,), network: str = "tiny"
) -> None:
    """Make and store a stimulus of the default recipe for each class and each seed."""
    classes = list(classes)
    for seed in seeds:
        enqueue(store, *classes, speed="medium", seed=seed, network=network)
        for job in claim(store, limit=len(classes)):
            with store.transaction() as session:
                leases.finish_visualization(
                    session, worker="w1", job=job, measurements=measurements(), media=pictures(job)
                )


def pictures(job: VisualizeJob) -> list[RenderedMedia]:
    shade = 40 * job.unit + job.recipe.seed
    still = [picture((shade, 90, 160))]
    fields = [picture((128 + 3 * frame, 120 + shade // 8, 0)) for frame in range(FRAMES)]
    sheet = Image.new("RGB", (SIDE * FRAMES, SIDE))
    for frame, field in enumerate(fields):
        sheet.paste(field, (frame * SIDE, 0))
    if job.network == "clips":
        return [
            encode(MediaRole.POSTER, still),
            encode(MediaRole.SHEET, [sheet], frames=FRAMES),
            encode(MediaRole.LOOP, fields, frames=FRAMES),
        ]
    return [
        encode(MediaRole.POSTER, still),
        encode(MediaRole.APPEARANCE, still),
        encode(MediaRole.FLOW, [sheet], frames=FRAMES, lossless=True),
        encode(MediaRole.FLOW_DIRECTION, fields, frames=FRAMES),
        encode(MediaRole.FLOW_XY, fields, frames=FRAMES),
        encode(MediaRole.LOOP, [*still, *fields], frames=FRAMES),
    ]


def picture(color: tuple[int, int, int]) -> Image.Image:
    """Return a square of a colour on black."""
    image = Image.new("RGB", (SIDE, SIDE))
    image.paste(color, (8, 8, 20, 24))
    return image


def encode(role: MediaRole, images: list[Image.Image], *, frames: int = 1, lossless: bool = False) -> RenderedMedia:
    file = io.BytesIO()
    images[0].save(file, "WEBP", lossless=lossless, save_all=len(images) > 1, append_images=images[1:])
    return RenderedMedia(role=role, type="image/webp", data=file.getvalue(), width=SIDE, height=SIDE, frames=frames)
