"""The finding on specific and generic units."""

from collections.abc import Sequence

from app.analysis.findings.claims import finding_of_claims
from app.analysis.findings.data import Heading, SurveyData, classes_with_clips, make_finding, make_series
from app.analysis.findings.needed_units import PAPER, claims_of_needs
from app.analysis.findings.words import share_words
from app.analysis.thresholds import DEFAULTS, Thresholds
from app.contract.findings import Claim, Figure, Finding, Verdict
from app.contract.interval import Interval
from app.contract.survey import LayerSelectivity
from app.contract.unit import FEW_CLASSES, generic_above, specific_below

HEADING = Heading("specificity", "Specific and generic", "Some units answer to few classes, others are shared by most.")
SELECTIVE = "specificity.selective"
MAX_LAYERS = 4  # named in a sentence
OLD_SURVEY = (
    "Chance and a control were not measured in this survey: add the part selectivity, or survey the network again."
)
TOO_FEW_CLIPS = (
    "An interval takes two classes with four independent clips each (of different videos, people or motions): add "
    "clips to the data set, and survey the network again."
)


def specificity(data: SurveyData) -> Finding:
    """Return the finding on specific and generic units: its verdict follows from its claims.

    Some hidden layer has units that answer to few classes, beyond chance and the control; one class alone needs some
    units; several classes need others; and a class needs the units that detect it.
    """
    if not data.card.classes:
        sentence = "The network has no classes, so its units cannot be specific to few of them or shared by most."
        return make_finding(HEADING, Verdict.CANNOT_BE_TOLD, [sentence])
    layers = data.survey.selectivity or ()
    statistics = data.statistics
    figures = [
        Figure(words="units that answer to few classes", value=statistics.specific),
        Figure(words="units that answer to most", value=statistics.generic),
    ]
    if layers:
        figures += [
            Figure(words="live hidden units", value=sum(layer.live for layer in layers)),
            Figure(words="of these, specific", value=sum(layer.specific for layer in layers)),
            Figure(words="few classes by chance", value=sum(layer.by_chance for layer in layers)),
            Figure(
                words="layers with more than shuffled weights give",
                value=sum(is_learned(layer, len(layers), data.thresholds) for layer in layers),
            ),
        ]
    classes = len(classes_with_clips(data.survey))
    most = limit_words(generic_above(classes), classes)
    count = (
        f"Of {statistics.live:,} live units {statistics.specific:,} answer to less than {_limit(data)}, and "
        f"{statistics.generic:,} to more than {most} (unselective units). The outputs of the classes count too."
    )
    found = finding_of_claims(
        HEADING,
        [_selective_claim(data), *claims_of_needs(data)],
        [count],
        figures=tuple(figures),
        series=make_series(data, "effective_classes", "Effective classes"),
        selectivity=layers,
        examples=data.examples.get("effective_classes", ()),
    )
    if found.supported and data.survey.silence is None:  # an older survey says nothing of what classes need
        return found.model_copy(update={"verdict": Verdict.PARTLY, "supported": False})
    return found


def _selective_claim(data: SurveyData) -> Claim:
    """Return the claim that units of hidden layers answer to few classes."""
    layers = data.survey.selectivity
    if not layers:
        reason = OLD_SURVEY if layers is None else TOO_FEW_CLIPS
        return Claim(name=SELECTIVE, sentence=reason, verdict=Verdict.CANNOT_BE_TOLD, paper=PAPER)
    learned = [layer for layer in layers if is_learned(layer, len(layers), data.thresholds)]
    clearest = max(layers, key=lambda layer: layer.difference.value if layer.difference else layer.beyond_chance.value)
    chance = clearest.chance
    return Claim(
        name=SELECTIVE,
        sentence=f"{_layers_sentence(learned, layers, _limit(data))} {_count_sentence(layers, _limit(data))}",
        verdict=Verdict.SUPPORTED if learned else Verdict.NOT_SUPPORTED,
        measure=f"share of the live units of {clearest.layer} that answer to few classes, less the share by chance",
        effect=clearest.beyond_chance,
        null=chance and Interval(value=0.0, low=chance.low - chance.value, high=chance.high - chance.value),
        null_words="labels shuffled over the groups of clips",
        control=clearest.control,
        p_value=None if clearest.p_value is None else min(1.0, clearest.p_value * len(layers)),
        n=clearest.live,
        counted=f"live units of {clearest.layer}, the clearest of {len(layers)} hidden layers",
        threshold=(
            f"in some layer {data.thresholds.min_unit_difference:.0%} of the live units more than in the control, p < "
            f"{data.thresholds.max_p_value:g} after correction for the number of layers"
        ),
        caveat=_dead_control(layers),
        paper=PAPER,
        units=tuple(example.unit for example in data.examples.get("effective_classes", ())[:3]),
    )


def _dead_control(layers: Sequence[LayerSelectivity]) -> str:
    """Return which layers have no live unit in the control, so that their comparison says nothing."""
    dead = [layer.layer for layer in layers if layer.control_live == 0]
    return f"In the control no unit of {', '.join(dead)} is live: there it tells nothing." if dead else ""


def is_learned(layer: LayerSelectivity, layers: int, thresholds: Thresholds = DEFAULTS) -> bool:
    """Return whether training made units specific here: chance does not explain them, nor does the control.

    The p-value is corrected for the number of layers that are asked (Bonferroni).
    """
    if layer.difference is None or layer.p_value is None or layer.specific == 0:
        return False
    is_large = layer.difference.value >= thresholds.min_unit_difference
    return is_large and layer.p_value * layers < thresholds.max_p_value


def _limit(data: SurveyData) -> str:
    """Return how many classes a specific unit stays below."""
    classes = len(classes_with_clips(data.survey))
    return limit_words(specific_below(classes), classes)


def limit_words(share: float, classes: int) -> str:
    """Write a share of the classes, or of fewer than five classes how many of them: `1.25 of 2 classes`."""
    return f"{share:.0%} of the classes" if classes >= FEW_CLASSES else f"{share * classes:.3g} of {classes} classes"


def _layers_sentence(learned: Sequence[LayerSelectivity], layers: Sequence[LayerSelectivity], limit: str) -> str:
    if not learned:
        return (
            f"In none of the {len(layers)} hidden layers do more units answer to less than {limit} than where the "
            "network's weights are shuffled."
        )
    strongest = sorted(learned, key=lambda layer: layer.beyond_chance.value, reverse=True)
    named = "; ".join(
        f"{layer.layer} {share_words(layer.beyond_chance)}{_control(layer)}" for layer in strongest[:MAX_LAYERS]
    )
    more = f"; and {len(learned) - MAX_LAYERS} more" if len(learned) > MAX_LAYERS else ""
    return (
        f"In {len(learned)} of {len(layers)} hidden layers more units answer to less than {limit} than with shuffled "
        f"weights. Share of the live units, beyond chance: {named}{more}."
    )


def _control(layer: LayerSelectivity) -> str:
    return "" if layer.control is None else f", control {layer.control.value:.0%}"


def _count_sentence(layers: Sequence[LayerSelectivity], limit: str) -> str:
    live, below = sum(layer.live for layer in layers), sum(layer.below for layer in layers)
    specific, chance = sum(layer.specific for layer in layers), sum(layer.by_chance for layer in layers)
    return (
        f"Of {live:,} live hidden units {below:,} answer to less than {limit}. For "
        f"{specific:,} of them shuffled labels do not explain it (at most 5% false discoveries); shuffled labels give "
        f"{chance:,.1f} such units on average."
    )
