"""Makes results of a bundle anew, and tells how far their pictures are from those in the bundle."""

import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageSequence

from app.bundles.verify import Bundle, VerifiedNetwork, VerifiedResult
from app.contract.result import MediaRole, RenderedMedia
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.networks.network import Network
from worker.render.stimulus import render_stimulus

Pixels = npt.NDArray[np.int16]  # (frames, height, width, channels)


def make_anew(
    bundle: Bundle, network: VerifiedNetwork, loaded: Network, results: Sequence[VerifiedResult]
) -> list[dict[MediaRole, RenderedMedia]]:
    """Compute results of one layer and one recipe again, in one batch, with a_hat of the bundle's survey.

    Gradients have the precision that they had: pictures of one precision are not those of the other.
    """
    is_bf16 = "bf16" in results[0][0].measurements.device
    loaded = replace(loaded, precision=torch.bfloat16 if is_bf16 else torch.float32)
    units = bundle.units(network.bundled) if network.bundled.survey else ()
    maxima = {(each.evidence.layer, each.evidence.unit): each.evidence.a_hat for each in units}
    recipes = [recipe for _, recipe in results]
    known = [maxima[result.layer, result.unit] for result, recipe in results if recipe.survey_maxima]
    made: dict[int, dict[MediaRole, RenderedMedia]] = {}
    for each in maximize_units(
        loaded,
        results[0][0].layer,
        [result.unit for result, _ in results],
        recipes,
        a_hat=known or None,
    ):
        assert isinstance(each.outcome, Visualization), each.outcome
        made[each.index] = {medium.role: medium for medium in render_stimulus(each.outcome.stimulus)}
    return [made[index] for index in range(len(results))]


def pixels(medium: RenderedMedia) -> Pixels:
    with Image.open(io.BytesIO(medium.data)) as image:
        return np.stack([np.asarray(frame.convert("RGB"), np.int16) for frame in ImageSequence.Iterator(image)])


def mean_difference(a: RenderedMedia, b: RenderedMedia) -> float:
    """Return the mean difference of two pictures over pixels, frames and channels, in 255ths."""
    first, second = pixels(a), pixels(b)
    assert first.shape == second.shape
    return float(np.abs(first - second).mean())
