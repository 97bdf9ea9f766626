"""How much of the variance of the class outputs is interaction of the streams, beside late fusion and the control."""

from collections.abc import Sequence

import numpy as np
import torch

from app.contract.interaction import OutputInteraction
from app.contract.interval import Interval
from worker.evidence.interaction import LayerResponses
from worker.evidence.resampling import make_interval, one_sided_p_value
from worker.evidence.types import Floats
from worker.evidence.variance_components import variance_components


def output_interaction(
    trained: LayerResponses, redrawn: Sequence[LayerResponses], first: Floats, second: Floats
) -> OutputInteraction | None:
    """Return the shares of the class outputs, whose responses (P, M, C) are logits less their mean over the classes.

    `first` (B, P) and `second` (B, M) say how often appearances and motions occur in resamples; the first row is all
    ones. Late fusion multiplies what each stream predicts, which is its mean probability over the other stream; its
    logits add up, so that only its probabilities have interaction. Return None where the logits never change.
    """
    logits = variance_components(trained.measured, first, second).pool()
    if logits.total[0, 0] <= 1e-12:
        return None
    probabilities = _softmax(trained.measured)
    votes = np.log(np.maximum(probabilities.mean(1, keepdims=True), 1e-12))
    votes = votes + np.log(np.maximum(probabilities.mean(0, keepdims=True), 1e-12))
    found = OutputInteraction(
        logits=_interval(logits.share),
        appearance=_interval(logits.appearance / np.maximum(logits.total, 1e-300)),
        motion=_interval(logits.motion / np.maximum(logits.total, 1e-300)),
        probabilities=_interval(variance_components(probabilities, first, second).pool().share),
        late_fusion=_interval(variance_components(_softmax(votes), first, second).pool().share),
    )
    if not redrawn:
        return found
    shares = np.stack([variance_components(each.measured, first, second).pool().share for each in redrawn])
    control = shares.mean(0)
    difference = (logits.share - control)[:, 0]
    return found.model_copy(
        update={
            "control": _interval(control),
            "difference": make_interval(difference[0], difference[1:]),
            "p_value": one_sided_p_value(difference[0], difference[1:]),
        }
    )


def _interval(values: Floats) -> Interval:
    return make_interval(values[0, 0], values[1:, 0])


def _softmax(logits: Floats) -> Floats:
    return np.asarray(torch.from_numpy(logits).double().softmax(-1))
