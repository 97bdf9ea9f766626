"""How fast the flow input of a network grows with displacement, which many checkpoints do not say.

A family whose networks have flow puts `flow_scale` into their config: the values that one pixel a frame adds to the
input, before the mean is subtracted or the range divided. It is null where the checkpoint does not tell; then whoever
adds the network is asked. 8-bit images that span -b to b pixels have 127.5 / b, so 6.375 for 20 px.
"""

import json
import math

from app.contract.errors import InvalidRequest

KEY = "flow_scale"
EXPLANATION = (
    "`--flow-scale` is by how much it grows with one pixel a frame: 6.375 for 8-bit images of -20 to 20 px "
    "(127.5 / 20), 1 for flow in pixels"
)


def set_flow_scale(config: str, scale: float | None) -> str:
    """Return a network's config, JSON, with the scale, or as it is if none is given.

    Raises InvalidRequest where a scale is needed and not given, or given and not needed, or no positive number.
    """
    content = json.loads(config)
    if not isinstance(content, dict) or KEY not in content:
        refuse_flow_scale(scale)
        return config
    if scale is None:
        if content[KEY] is None:
            raise InvalidRequest(
                f"The network has an input of optical flow, and its file does not say in which units. {EXPLANATION}."
            )
        return config
    if not (math.isfinite(scale) and scale > 0):
        raise InvalidRequest(f"The flow scale {scale} is not above 0. {EXPLANATION}.")
    return json.dumps(content | {KEY: scale})


def refuse_flow_scale(scale: float | None) -> None:
    """Raise InvalidRequest if a scale is given for a network that needs none."""
    if scale is not None:
        raise InvalidRequest(
            "`--flow-scale` is for checkpoints of networks with optical flow, known by their tensors. This one has no "
            "flow, or is of a family that states its own scale: leave it away."
        )
