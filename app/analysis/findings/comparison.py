"""Puts the findings of two networks side by side."""

from app.contract.findings import Claim, Finding, Findings
from app.contract.findings_comparison import ComparedClaim, ComparedFinding, FindingsComparison


def compare_findings(a: Findings, b: Findings) -> FindingsComparison:
    """Return two networks' findings, paired by the names of findings and claims."""
    others = {finding.name: finding for finding in b.findings}
    return FindingsComparison(
        a=a,
        b=b,
        same_data=(a.dataset, a.clips) == (b.dataset, b.clips),
        findings=tuple(_compare(finding, others[finding.name]) for finding in a.findings if finding.name in others),
    )


def _compare(a: Finding, b: Finding) -> ComparedFinding:
    of_a = {claim.name: claim for claim in a.claims}
    of_b = {claim.name: claim for claim in b.claims}
    names = dict.fromkeys([*of_a, *of_b])
    claims = tuple(
        ComparedClaim(name=name, a=of_a.get(name), b=of_b.get(name), differs=differs(of_a.get(name), of_b.get(name)))
        for name in names
    )
    return ComparedFinding(name=a.name, title=a.title, a=a.verdict, b=b.verdict, claims=claims)


def differs(a: Claim | None, b: Claim | None) -> bool | None:
    """Return whether the intervals of two effects of the same measure do not overlap, None where one is missing.

    This is stricter than a test of the difference at 5 %.
    """
    if a is None or b is None or a.effect is None or b.effect is None or a.measure != b.measure:
        return None
    return a.effect.low > b.effect.high or b.effect.low > a.effect.high
