"""Draw many stimuli as one picture, to look at before a release and to keep in docs/.

    python -m benchmarks.contact_sheet mocap class docs/classes-slow.webp --speed slow
    python -m benchmarks.contact_sheet i3d class docs/classes-i3d.webp --units "playing cricket" "playing piano"

Only stimuli that the database in KINETOSCOPE_HOME has are drawn; `kinetoscope-worker visualize` makes the others.
"""

import argparse
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from app.contract.network import StreamName
from app.contract.recipe import DEFAULT_SPEED, Recipe, Speed
from app.contract.result import MediaRole
from app.store import media
from app.store.catalog import networks
from app.store.database.engine import Store
from app.store.results import visualizations
from worker.cli.common import open_database
from worker.cli.visualize import unit_index
from worker.render.flow_color import direction_colors
from worker.render.stimulus import flow_in_px, poster, rgb_pixels

PANEL_PX, LABEL_PX, GAP_PX = 168, 22, 6


def read_pictures(
    store: Store, network: str, layer: str, units: list[str], recipe: Recipe
) -> Iterator[tuple[str, Image.Image]]:
    with store.session() as session:
        card = networks.get_card(session, slug=network)
        indices = [unit_index(card, layer, unit) for unit in units] or range(card.layer(layer).units)
        for unit in indices:
            visualization = visualizations.find_visualization(
                session, card=card, layer=layer, unit=unit, recipe_key=recipe.resolved(card).key()
            )
            if visualization is None:
                continue
            raw = visualization.medium(MediaRole.RAW)
            assert raw is not None
            arrays = np.load(io.BytesIO(media.get_medium(session, sha256=raw.sha256).data))
            stimulus = {StreamName(name): arrays[name].astype(np.float32) for name in arrays.files}
            label = card.classes[unit] if card.layer(layer).is_class else f"{layer}/{unit}"
            if visualization.measurements.probability is not None:
                label += f"  {visualization.measurements.probability:.2f}"
            yield label, draw_panels(stimulus)


def draw_panels(stimulus: dict[StreamName, np.ndarray]) -> Image.Image:
    """Draw appearance and two flow fields, or three frames of a clip, side by side."""
    if StreamName.CLIP in stimulus:
        frames = rgb_pixels(stimulus[StreamName.CLIP])
        panels = [frames[len(frames) * k // 6] for k in (1, 3, 5)]
    else:
        panels = [poster({StreamName.APPEARANCE: stimulus[StreamName.APPEARANCE]})]
        fields = direction_colors(flow_in_px(stimulus))
        panels += [fields[len(fields) * k // 4] for k in (1, 3)]
    scaled = [Image.fromarray(panel).resize((PANEL_PX, PANEL_PX), Image.Resampling.BICUBIC) for panel in panels]
    picture = Image.new("RGB", (PANEL_PX * len(scaled), PANEL_PX))
    for index, panel in enumerate(scaled):
        picture.paste(panel, (index * PANEL_PX, 0))
    return picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network")
    parser.add_argument("layer")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--units", nargs="*", default=[])
    parser.add_argument("--speed", type=Speed, default=DEFAULT_SPEED)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="a field of the recipe")
    parser.add_argument("--columns", type=int, default=3)
    options = parser.parse_args()
    fields = dict(field.split("=", 1) for field in options.set)
    recipe = Recipe.model_validate({**fields, "speed": options.speed, "seed": options.seed})
    pictures = list(read_pictures(open_database(), options.network, options.layer, options.units, recipe))
    if not pictures:
        parser.error("none of these units is visualized yet")
    save_sheet(pictures, options.picture, options.columns)


def save_sheet(pictures: Sequence[tuple[str, Image.Image]], path: Path, columns: int) -> None:
    """Save labelled pictures of one size as one, so many in a row."""
    width, height = pictures[0][1].width + GAP_PX, pictures[0][1].height + LABEL_PX + GAP_PX
    sheet = Image.new("RGB", (width * columns, height * -(-len(pictures) // columns)), (14, 14, 18))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for index, (label, picture) in enumerate(pictures):
        left, top = index % columns * width, index // columns * height
        draw.text((left + 4, top + 2), label, (220, 220, 220), font)
        sheet.paste(picture, (left, top + LABEL_PX))
    sheet.save(path, quality=85, method=6)


if __name__ == "__main__":
    main()
