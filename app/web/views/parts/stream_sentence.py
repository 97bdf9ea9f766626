"""What a stream of a stimulus does for its J, in a sentence."""

from app.contract.network import Layer
from app.contract.result import Measurements, Visualization
from app.web.formatting import number

LITTLE_SHARE, MUCH_SHARE = 0.1, 0.5  # of J that is lost without the stream


def stream_sentences(result: Visualization, layer: Layer) -> tuple[str, ...]:
    """Return a sentence for each stream that a unit sees; where it sees two and nothing was measured, that."""
    measured = result.measurements
    if not measured.objective_without and layer.stream == "fusion":
        return ("J without a stream was not measured: the result was made before this was.",)
    return tuple(stream_sentence(measured, stream) for stream in measured.objective_without)


def stream_sentence(measured: Measurements, stream: str) -> str:
    """Return how J changes without a stream, and whether the stream is needed.

    A stream hardly matters where J keeps 90 % without it, and is needed for most where J loses half or more. Shares
    mean nothing where J is not above zero; then the change alone is told.
    """
    whole, without = measured.objective, measured.objective_without[stream]
    change = "falls" if without < whole else "rises"
    told = f"Without its {stream} J {change} from {number(whole)} to {number(without)}"
    if whole <= 0:
        return f"{told}."
    lost = (whole - without) / whole
    verdict = "is needed for most of J" if lost >= MUCH_SHARE else "is needed for a part of J"
    if lost < LITTLE_SHARE:
        verdict = "hardly matters"
    return f"{told}: the {stream} {verdict}."
