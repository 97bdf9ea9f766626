"""Writes shares, intervals and p-values of claims, everywhere alike."""

from app.contract.interval import Interval


def share_words(share: Interval) -> str:
    """Write a share with its interval, which stays within 0 and 1: `63% (60% to 66%)`."""
    return f"{share.value:.0%} ({max(0, share.low):.0%} to {min(1, share.high):.0%})"


def interval_words(interval: Interval) -> str:
    """Write a number with its interval: `0.20 (0.15 to 0.26)`."""
    return f"{interval.value:.2f} ({interval.low:.2f} to {interval.high:.2f})"


def p_words(p_value: float) -> str:
    """Write a p-value: `p = 0.020`, or `p < 0.001`."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"
