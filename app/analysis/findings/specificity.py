"""The finding on specific and generic units."""

from app.analysis.findings.data import NO_CLASSES, Heading, SurveyData, classes_with_clips, make_finding, make_series
from app.contract.findings import Figure, Finding
from app.contract.unit import GENERIC_ABOVE, SPECIFIC_BELOW

HEADING = Heading("specificity", "Specific and generic", "Some units answer to few classes, others are shared by most.")


def specificity(data: SurveyData) -> Finding:
    """Return the finding on specific and generic units: supported where there are units of both kinds."""
    if not data.card.classes:
        sentences = [NO_CLASSES, "To how many of them a unit answers cannot be said."]
        return make_finding(HEADING, False, sentences)
    specific, generic = data.statistics.specific, data.statistics.generic
    classes = len(classes_with_clips(data.survey))
    supported = specific > 0 and generic > 0
    sentence = (
        f"Of {data.statistics.live:,} live units {specific:,} answer to less than {SPECIFIC_BELOW:.0%} of "
        f"the {classes} classes (by effective number of classes), and {generic:,} to more than {GENERIC_ABOVE:.0%}."
    )
    return make_finding(
        HEADING,
        supported,
        [sentence],
        figures=(Figure(words="specific units", value=specific), Figure(words="generic units", value=generic)),
        series=make_series(data, "effective_classes", "Effective classes"),
        examples=data.examples.get("effective_classes", ()),
    )
