"""The thresholds, by the name that findings know them under."""

from app.analysis.thresholds import DEFAULTS, Thresholds

__all__ = ["DEFAULTS", "Thresholds"]
