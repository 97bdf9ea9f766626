"""Keeps the names that people's own family files import from here; the code itself imports them from `network`."""

from app.contract.network import Extent, Stream, StreamName

__all__ = ["Extent", "Stream", "StreamName"]
