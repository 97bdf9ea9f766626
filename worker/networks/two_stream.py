"""Names that people's own family files import from here; the code itself imports them from `families.two_stream`."""

from worker.networks.families.two_stream import MOTION_BOUND, TwoStream, two_stream, two_stream_inputs

__all__ = ["MOTION_BOUND", "TwoStream", "two_stream", "two_stream_inputs"]
