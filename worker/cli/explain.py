"""`kinetoscope-worker explain`: which units made a network take a clip for what it does."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.contract.explanation import ClassShares
from worker.cli.common import choose_device, open_database, plainly

out = Console()


@plainly
def explain(
    network: str,
    clip: Annotated[Path, typer.Argument(help="A video.")],
    expected: Annotated[str | None, typer.Option(help="The class that you expected.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
) -> None:
    """Predictions of a clip, and the units that they come from, as shares of the logit that add up."""
    from worker.evidence import explain as shares
    from worker.evidence.predict import clip_inputs
    from worker.tasks.network_cache import NetworkCache

    loaded = NetworkCache(open_database(), choose_device()).load(network)
    found = shares.explain(loaded, clip_inputs(loaded, clip), expected)
    if json:
        out.print_json(found.model_dump_json())
        return
    for prediction in found.predictions:
        out.print(f"  {prediction.probability:6.3f}  {prediction.label}", highlight=False)
    shown = [found.predicted]
    if found.expected is not None and found.expected.label != found.predicted.label:
        shown += [found.expected, found.against(found.expected.label)]
    for each in shown:
        out.print(_table(each))


def _table(found: ClassShares) -> Table:
    title = found.label if found.against is None else f"{found.label}, not {found.against}"
    table = Table("layer", "unit", "activation", "share", "effect", title=f"{title}: logit {found.logit:.2f}")
    for layer in found.layers:
        for unit in layer.units:
            effect = "" if unit.effect is None else f"{unit.effect:+.3f}"
            table.add_row(layer.layer, str(unit.unit), f"{unit.activation:.2f}", f"{unit.share:+.3f}", effect)
        table.add_row(layer.layer, "others", "", f"{layer.others:+.3f}", "")
        table.add_row(layer.layer, "rest", "", f"{layer.rest:+.3f}", "", end_section=True)
    return table
