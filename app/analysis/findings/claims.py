"""What a finding's claims say together."""

from collections.abc import Sequence
from typing import Any

from app.analysis.findings.data import Heading, make_finding
from app.contract.findings import Claim, Finding, Verdict


def combine(claims: Sequence[Claim]) -> Verdict:
    """Return the verdict of a finding: supported where every claim that can be told is, partly where some are.

    A claim that is itself partly supported makes the finding partly supported.
    """
    told = {claim.verdict for claim in claims if claim.verdict is not Verdict.CANNOT_BE_TOLD}
    if not told:
        return Verdict.CANNOT_BE_TOLD
    return told.pop() if len(told) == 1 else Verdict.PARTLY


def add_caveat(claim: Claim, words: str) -> Claim:
    """Return a claim with one more caveat, if there is one."""
    return claim.model_copy(update={"caveat": f"{claim.caveat} {words}".strip()}) if words else claim


def finding_of_claims(
    heading: Heading, claims: Sequence[Claim], sentences: Sequence[str] = (), **parts: Any
) -> Finding:
    """Return a finding with the verdict of its claims; `sentences` come after those of the claims."""
    said = [*(claim.sentence for claim in claims), *sentences]
    return make_finding(heading, combine(claims), said, claims=tuple(claims), **parts)
