"""The findings of two networks side by side."""

from pydantic import Field

from app.contract.findings import Claim, Findings, Verdict
from app.contract.model import Model


class ComparedClaim(Model):
    """A claim about two networks; None where the findings of one do not make it."""

    name: str = Field(description="of the first network's claim, or of the second's where only that makes it")
    a: Claim | None
    b: Claim | None
    differs: bool | None = Field(
        description="whether the intervals of the two effects do not overlap; null where one has no interval"
    )


class ComparedFinding(Model):
    """A finding about two networks, with its claims in the order of the first one."""

    name: str
    title: str
    a: Verdict
    b: Verdict
    claims: tuple[ComparedClaim, ...]


class FindingsComparison(Model):
    """The findings of two networks, each from its newest survey."""

    a: Findings
    b: Findings
    same_data: bool = Field(description="whether both were surveyed with the same data set and number of clips")
    findings: tuple[ComparedFinding, ...]
