"""`kinetoscope-worker explain`: which units made a network classify a clip as it does."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from app.contract.explanation import ClassShares
from app.store.catalog import networks
from app.terminal import report_errors
from worker.cli.common import choose_device, open_database, out


@report_errors
def explain(
    network: str,
    clip: Annotated[Path, typer.Argument(help="A video.")],
    expected: Annotated[str | None, typer.Option(help="The class that you expected.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the whole explanation as JSON.")] = False,
) -> None:
    """Print the predictions for a clip, and the units that they come from, as shares of the logit that add up."""
    from worker.evidence.explain import explain as explain_clip
    from worker.evidence.predict import clip_inputs
    from worker.tasks.network_cache import NetworkCache

    store = open_database()
    with store.session() as session:
        networks.get_card(session, slug=network).require_classes()
    loaded = NetworkCache(store, choose_device()).load(network)
    explanation = explain_clip(loaded, clip_inputs(loaded, clip), expected)
    if json:
        out.print_json(explanation.model_dump_json())
        return
    for prediction in explanation.predictions:
        out.print(f"  {prediction.probability:6.3f}  {prediction.label}", highlight=False)
    logits = [explanation.predicted]
    expected_shares = explanation.expected
    if expected_shares is not None and expected_shares.label != explanation.predicted.label:
        logits.append(expected_shares)
        logits += [contrast for contrast in explanation.contrasts if contrast.against == expected_shares.label]
    for shares in logits:
        out.print(make_table(shares))


def make_table(shares: ClassShares) -> Table:
    """Return the units that a logit comes from as a table, layer by layer."""
    title = shares.label if shares.against is None else f"{shares.label}, not {shares.against}"
    table = Table("layer", "unit", "activation", "share", "effect", title=f"{title}: logit {shares.logit:.2f}")
    for layer in shares.layers:
        for unit in layer.units:
            effect = "" if unit.effect is None else f"{unit.effect:+.3f}"
            table.add_row(layer.layer, str(unit.unit), f"{unit.activation:.2f}", f"{unit.share:+.3f}", effect)
        table.add_row(layer.layer, "others", "", f"{layer.others:+.3f}", "")
        table.add_row(layer.layer, "rest", "", f"{layer.rest:+.3f}", "", end_section=True)
    return table
