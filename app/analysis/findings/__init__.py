"""The four findings of a network, made from what a survey stored; each file states the thresholds of its finding.

Enter at `make_findings`. May import `app.contract`, and `trend` and `confusions` of `app.analysis`.
Read data.py, then the file of one finding.
"""

from app.analysis.findings.data import SurveyData
from app.analysis.findings.fusion import fusion
from app.analysis.findings.idiosyncrasies import idiosyncrasies
from app.analysis.findings.invariance import invariance
from app.analysis.findings.specificity import specificity
from app.contract.findings import Findings


def make_findings(data: SurveyData) -> Findings:
    """Return the four findings in the order of the paper."""
    findings = (fusion(data), specificity(data), invariance(data), idiosyncrasies(data))
    return Findings(network=data.card.slug, dataset=data.survey.dataset, clips=data.survey.clips, findings=findings)
