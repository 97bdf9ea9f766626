"""Writes shares, intervals and p-values of claims, everywhere alike."""

from collections.abc import Sequence

from app.contract.interval import Interval


def share_words(share: Interval) -> str:
    """Write a share with its interval, which stays within 0 and 1: `63% (60% to 66%)`."""
    low, high = (min(1, max(0, end)) for end in (share.low, share.high))
    return f"{percent_words(share.value)} ({low:.0%} to {high:.0%})"


def percent_words(share: float) -> str:
    """Write a share as a percentage; what is rounded to zero has no sign."""
    return f"{round(share, 2) + 0.0:.0%}"


def fewer_clips_words(measured: int, clips: int) -> str:
    """Return what must be known of a measure on fewer clips than the survey has; nothing where all were measured."""
    if measured >= clips:
        return ""
    return f"Measured on {measured:,} of {clips:,} clips, because forward passes are limited."


def interval_words(interval: Interval) -> str:
    """Write a number with its interval: `0.20 (0.15 to 0.26)`."""
    return f"{interval.value:.2f} ({interval.low:.2f} to {interval.high:.2f})"


def p_words(p_value: float) -> str:
    """Write a p-value: `p = 0.020`, or `p < 0.001`."""
    return f"p {p_relation(p_value)}"


def p_relation(p_value: float) -> str:
    """Write a p-value after its `p`: `= 0.020`, or `< 0.001`."""
    return "< 0.001" if p_value < 0.001 else f"= {p_value:.3f}"


def join_names(names: Sequence[str], most: int | None = None) -> str:
    """Write `a`, `a and b`, `a, b and c`, or the first `most` and how many more."""
    shown = list(names[:most])
    if len(shown) < len(names):
        return f"{', '.join(shown)} and {len(names) - len(shown):,} more"
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else shown[0]
