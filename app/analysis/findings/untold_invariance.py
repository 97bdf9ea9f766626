"""Why a claim on invariance cannot be told, and what it takes."""

from app.contract.invariance import InvarianceFacts

MIN_DRAWN_CLASSES = 6  # for classes to be drawn: worker/evidence/layer_sharing.py draws no fewer
NO_MOTION = "The network sees single frames, so it cannot be told what it keeps when motion changes."
TOO_FEW = (
    "An interval takes two classes with four independent clips each (of different videos, people or motions): add "
    "clips to the data set, and survey the network again."
)
NO_GAIN = (
    "Frames cannot be shown with larger motion at the same rate: only networks with a stream of optical flow can be "
    "asked."
)
NO_SPEED_PAIR = (
    "No two classes are known that differ by speed alone: it takes four independent clips of each of two such classes "
    "(wave_slow and wave_fast)."
)


def few_classes(facts: InvarianceFacts) -> str:
    """Return that the clips are of too few classes for classes to be drawn."""
    return (
        f"The interval draws classes, and takes clips of {MIN_DRAWN_CLASSES} classes at least; these are of "
        f"{facts.classes}."
    )


def no_slope(facts: InvarianceFacts) -> str:
    """Return how many units motion moves in the first and the last layer, where too few have a slope."""
    moved = [(layer.layer, layer.gain) for layer in facts.layers if layer.gain]
    if len(moved) < 2:
        return ""
    ends = ", ".join(f"{gain.moved:,} of {gain.live:,} in {name}" for name, gain in (moved[0], moved[-1]))
    return (
        "Whether the gain slope falls cannot be told: it takes units in both layers that motion moves by 10% or more, "
        f"each on three clips, and there are {ends}."
    )


def no_control(layer: str) -> str:
    """Return that the network with shuffled weights has no slope in a layer, beside which the claim could fail."""
    return (
        f"With shuffled weights motion moves no unit of {layer} by 10% or more, so that no control could show as much: "
        "whether the network learned it cannot be told."
    )
