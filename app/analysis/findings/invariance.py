"""The finding on abstraction and invariance: what changes with depth."""

from app.analysis.findings.data import Heading, SurveyData, make_finding, make_series
from app.analysis.trend import Trend, measure_trends
from app.contract.findings import Figure, Finding, Verdict

DEPTH_MEASURES = {  # what a measure stands for, and its name in sentences
    "best_precision": ("Abstraction", "precision for the best class"),
    "speed_octaves": ("Invariance to speed", "octaves of speed"),
    "direction_selectivity": ("Direction selectivity", "selectivity"),
    "effective_classes": ("The number of classes that a unit serves", "effective classes"),
}

HEADING = Heading(
    "invariance",
    "Abstraction and invariance",
    "With depth, units get more abstract, and care less about how fast things move.",
)


def invariance(data: SurveyData) -> Finding:
    """Return the finding on depth: supported where precision grows along every stream, and speed tuning widens."""
    distributions = data.statistics.distributions
    trends_by_measure = {measure: measure_trends(data.card, distributions, measure) for measure in DEPTH_MEASURES}
    abstraction, speed = trends_by_measure["best_precision"], trends_by_measure["speed_octaves"]
    supported = bool(abstraction) and all(trend.grows for trend in (*abstraction, *speed))
    sentences = [_trend_sentence(measure, trend) for measure, trends in trends_by_measure.items() for trend in trends]
    if not data.card.classes:
        sentences.insert(
            0,
            "The network has no classes, so abstraction (precision for the best class) is not measured. Tuning to "
            "speed and direction is.",
        )
    if not speed:
        sentences.append("Invariance to speed was not measured in two layers.")
    return make_finding(
        HEADING,
        supported if data.card.classes else Verdict.CANNOT_BE_TOLD,
        sentences,
        figures=tuple(
            Figure(words=f"{DEPTH_MEASURES[measure][1]} with depth, {trend.stream}: rank correlation", value=trend.tau)
            for measure, trends in trends_by_measure.items()
            for trend in trends
        ),
        series=tuple(
            series
            for measure, (_, words) in DEPTH_MEASURES.items()
            for series in make_series(data, measure, words.capitalize())
        ),
        examples=data.examples.get("speed_octaves", ()),
    )


def _trend_sentence(measure: str, trend: Trend) -> str:
    quality, words = DEPTH_MEASURES[measure]
    verb = "grows" if trend.grows else "falls" if trend.falls else "neither grows nor falls"
    first, last = trend.layers[0], trend.layers[-1]
    p_value = "p < 0.001" if trend.p_value < 0.001 else f"p = {trend.p_value:.3f}"
    return (
        f"{quality} {verb} with depth along the {trend.stream} stream: {first.mean:.2f} {words} on average in "
        f"{first.layer}, {last.mean:.2f} in {last.layer}; rank correlation of the averages with depth {trend.tau:.2f} "
        f"over {len(trend.layers)} layers ({p_value})."
    )
