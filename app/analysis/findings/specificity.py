"""The finding on specific and generic units."""

from collections.abc import Sequence

from app.analysis.findings.data import Heading, SurveyData, make_finding, make_series
from app.contract.findings import Figure, Finding, Verdict
from app.contract.interval import Interval
from app.contract.survey import LayerSelectivity
from app.contract.unit import GENERIC_ABOVE, SPECIFIC_BELOW

HEADING = Heading("specificity", "Specific and generic", "Some units answer to few classes, others are shared by most.")
MIN_DIFFERENCE = 0.05  # of a layer's live units, from the control: fewer are too few to speak of the layer
MAX_P_VALUE = 0.05
MAX_LAYERS = 4  # named in a sentence
GENERIC_NOT_MEASURED = (
    f"Units that answer to more than {GENERIC_ABOVE:.0%} of the classes are unselective. Whether several classes need "
    "them is not measured, so this claim is never more than partly supported."
)
OLD_SURVEY = "This survey is from before chance and a control were measured: survey the network again."
TOO_FEW_CLIPS = (
    "An interval takes two classes with four independent clips each (of different videos, people or motions): add "
    "clips to the data set, and survey the network again."
)


def specificity(data: SurveyData) -> Finding:
    """Return the finding on specific and generic units.

    Partly supported where some hidden layer has units that answer to few classes beyond chance, and significantly more
    of them than the same network with its weights shuffled.
    """
    if not data.card.classes:
        sentence = "The network has no classes, so its units cannot be specific to few of them or shared by most."
        return make_finding(HEADING, Verdict.CANNOT_BE_TOLD, [sentence])
    layers = data.survey.selectivity
    statistics = data.statistics
    count = (
        f"Of {statistics.live:,} live units {statistics.specific:,} answer to less than {SPECIFIC_BELOW:.0%} of the "
        f"classes, and {statistics.generic:,} to more than {GENERIC_ABOVE:.0%}; the outputs of the classes are among "
        "them."
    )
    figures = [
        Figure(words="units that answer to few classes", value=statistics.specific),
        Figure(words="units that answer to most", value=statistics.generic),
    ]
    series = make_series(data, "effective_classes", "Effective classes")
    examples = data.examples.get("effective_classes", ())
    if not layers:
        reason = OLD_SURVEY if layers is None else TOO_FEW_CLIPS
        return make_finding(
            HEADING, Verdict.CANNOT_BE_TOLD, [reason, count], figures=figures, series=series, examples=examples
        )
    learned = [layer for layer in layers if is_learned(layer, len(layers))]
    live, specific = sum(layer.live for layer in layers), sum(layer.specific for layer in layers)
    sentences = [_layers_sentence(learned, layers), _count_sentence(layers), GENERIC_NOT_MEASURED]
    return make_finding(
        HEADING,
        Verdict.PARTLY if learned else Verdict.NOT_SUPPORTED,
        sentences,
        figures=(
            *figures,
            Figure(words="live hidden units", value=live),
            Figure(words="of these, specific", value=specific),
            Figure(words="few classes by chance", value=sum(layer.by_chance for layer in layers)),
            Figure(words="layers with more than shuffled weights give", value=len(learned)),
        ),
        series=series,
        selectivity=layers,
        examples=examples,
    )


def is_learned(layer: LayerSelectivity, layers: int) -> bool:
    """Return whether training made units specific here: chance does not explain them, nor does the control.

    The p-value is corrected for the number of layers that are asked (Bonferroni).
    """
    if layer.difference is None or layer.p_value is None or layer.specific == 0:
        return False
    return layer.difference.value >= MIN_DIFFERENCE and layer.p_value * layers < MAX_P_VALUE


def _layers_sentence(learned: Sequence[LayerSelectivity], layers: Sequence[LayerSelectivity]) -> str:
    if not learned:
        return (
            f"In none of the {len(layers)} hidden layers do more units answer to less than {SPECIFIC_BELOW:.0%} of the "
            "classes than where the network's weights are shuffled."
        )
    strongest = sorted(learned, key=lambda layer: layer.beyond_chance.value, reverse=True)
    named = "; ".join(
        f"{layer.layer} {_percent(layer.beyond_chance)}{_control(layer)}" for layer in strongest[:MAX_LAYERS]
    )
    more = f"; and {len(learned) - MAX_LAYERS} more" if len(learned) > MAX_LAYERS else ""
    return (
        f"In {len(learned)} of {len(layers)} hidden layers more units answer to less than {SPECIFIC_BELOW:.0%} of the "
        f"classes than with shuffled weights. Share of the live units, beyond chance: {named}{more}."
    )


def _percent(share: Interval) -> str:
    return f"{share.value:.0%} ({max(0, share.low):.0%} to {min(1, share.high):.0%})"


def _control(layer: LayerSelectivity) -> str:
    return "" if layer.control is None else f", control {layer.control.value:.0%}"


def _count_sentence(layers: Sequence[LayerSelectivity]) -> str:
    live, below = sum(layer.live for layer in layers), sum(layer.below for layer in layers)
    specific, chance = sum(layer.specific for layer in layers), sum(layer.by_chance for layer in layers)
    return (
        f"Of {live:,} live hidden units {below:,} answer to less than {SPECIFIC_BELOW:.0%} of the classes. For "
        f"{specific:,} of them shuffled labels do not explain it (at most 5% false discoveries); shuffled labels give "
        f"{chance:,.1f} such units on average."
    )
