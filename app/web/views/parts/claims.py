"""The claims of findings as pages show them: with a plot of their intervals and the papers they are from."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.contract.findings import Claim
from app.web.charts.interval_plot import IntervalPlot, interval_plots
from app.web.views.parts.navigation import NamedLink

PAPER = "1801.01415"  # which the four findings are from
PAPERS = {  # by arXiv number
    PAPER: "Feichtenhofer et al. 2018",
    "2206.02846": "Kowal et al. 2022",
    "1803.06959": "Morcos et al. 2018",
    "1806.02891": "Zhou et al. 2018",
}


@dataclass(frozen=True)
class ClaimBlock:
    """A claim with its plot, which it lacks where it has no interval, and links to its papers."""

    claim: Claim
    plot: IntervalPlot | None
    papers: tuple[NamedLink, ...]


def claim_blocks(claims: Sequence[Claim]) -> tuple[ClaimBlock, ...]:
    """Return the claims of a finding; those with the same measure share the scale of their plots."""
    plots = interval_plots(claims)
    return tuple(ClaimBlock(claim, plots.get(claim.name), papers(claim)) for claim in claims)


def papers(claim: Claim) -> tuple[NamedLink, ...]:
    """Return links to the paper that makes a claim, with its place there, and to the one that its measure is from."""
    place = f"{PAPERS[PAPER]}, {claim.paper}" if claim.paper else PAPERS[PAPER]
    links = [NamedLink(place, paper_address(PAPER))]
    if claim.source and claim.source != PAPER:
        links.append(NamedLink(PAPERS.get(claim.source, f"arXiv {claim.source}"), paper_address(claim.source)))
    return tuple(links)


def paper_address(number: str) -> str:
    return f"https://arxiv.org/abs/{number}"
