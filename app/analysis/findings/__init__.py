"""The four findings of a network, made from what a survey stored.

Enter at `make_findings`. May import `app.contract`, and the other modules of `app.analysis`.
Read data.py, then the file of one finding; protocol.py writes down what determines them.
"""

from app.analysis.findings.coding import with_coding
from app.analysis.findings.data import SurveyData
from app.analysis.findings.fusion import fusion
from app.analysis.findings.idiosyncrasies import idiosyncrasies
from app.analysis.findings.invariance import invariance
from app.analysis.findings.limits import describe_limits
from app.analysis.findings.protocol import make_protocol
from app.analysis.findings.specificity import specificity
from app.contract.findings import Findings


def make_findings(data: SurveyData) -> Findings:
    """Return the four findings in the order of the paper."""
    return Findings(
        network=data.card.slug,
        dataset=data.survey.dataset,
        clips=data.survey.clips,
        limits=describe_limits(data),
        protocol=make_protocol(data),
        findings=(with_coding(fusion(data), data), specificity(data), invariance(data), idiosyncrasies(data)),
    )
