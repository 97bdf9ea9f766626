"""Which statistics a visualization holds features to, and what is said where they change nothing."""

from collections.abc import Mapping, Sequence

from app.contract.errors import InvalidRecipe
from worker.graph.bn_statistics import ChannelStatistics

StatisticsByLayer = Mapping[str, ChannelStatistics]


def named_statistics(digest: str, statistics: StatisticsByLayer | None) -> StatisticsByLayer:
    """Return the statistics that a recipe names by their digest, none where it is empty.

    Raises InvalidRecipe where it names some that are not given.
    """
    if not digest:
        return {}
    if statistics is None:
        raise InvalidRecipe(
            f"The recipe holds features to the statistics {digest[:12]} of a survey, which are not at hand here. "
            "Visualize from the dashboard that has the survey, or set `bn_prior` to 0."
        )
    return statistics


def unused_prior(layers: Sequence[str], target: str, statistics: StatisticsByLayer) -> str:
    """Return a note that none of the layers before the target has statistics, so that the prior acts nowhere; else "".

    `layers` are in the order in which they are computed.
    """
    if not statistics or any(name in statistics for name in layers[: layers.index(target)]):
        return ""
    return f"The feature statistics prior changed nothing: no layer before {target} has statistics."
