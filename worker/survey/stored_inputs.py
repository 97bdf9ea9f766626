"""What the store holds for a survey: the clips of a data set, and the stimuli of units."""

import io
from functools import partial

import numpy as np
import torch

from app.contract.errors import VideoError
from app.contract.network import NetworkCard, StreamName
from app.contract.result import MediaRole
from app.store import datasets, media
from app.store.database.engine import Store
from app.store.results import visualizations
from worker.evidence.probe_plan import default_layers
from worker.evidence.types import UnitKey
from worker.graph.inputs import Inputs, as_input
from worker.networks.trace import zero_inputs
from worker.survey.prefetch import Sample
from worker.video.decode import read_stored_clip
from worker.video.flow import Frames


def stored_samples(store: Store, slug: str) -> list[Sample]:
    """Return the clips of a data set; each reads its video when it is needed. Raises UnknownDataset."""
    with store.session() as session:
        names = datasets.clip_names(session, slug=slug)
        groups = datasets.clip_groups(session, slug=slug)
    return [Sample(name, label, partial(stored_frames, store, slug, name), groups.get(name)) for name, label in names]


def stored_frames(store: Store, slug: str, name: str, count: int) -> Frames:
    """Return the middle `count` frames of a clip, or all where there are fewer. Raises UnknownClip and VideoError."""
    with store.session() as session:
        video = datasets.get_clip(session, slug=slug, name=name).medium(MediaRole.VIDEO)
        if video is None:
            raise VideoError(
                f"The stored clip {name} has no video: it came in a bundle with stills alone. Add the videos of its "
                "data set again; those of the shipped clips are added after a first start."
            )
        data = media.get_medium(session, sha256=video.sha256).data
    return read_stored_clip(data, name, count)


def stored_stimuli(store: Store, card: NetworkCard) -> dict[UnitKey, Inputs]:
    """Return the newest stimulus of each unit whose synergy is probed, where one has the size of the network's input.

    A network of one stream has no synergy, and so no stimuli here.
    """
    if len(card.streams) < 2:
        return {}
    shapes = {name: x.shape for name, x in zero_inputs(card.streams, 1, torch.device("meta")).items()}
    stimuli: dict[UnitKey, Inputs] = {}
    for name in default_layers(card):
        for unit in range(card.layer(name).units):
            with store.session() as session:
                for result in visualizations.visualizations_of_unit(session, card=card, layer=name, unit=unit):
                    raw = result.medium(MediaRole.RAW) if not result.recipe.start_clip else None
                    inputs = raw and _stimulus_inputs(media.get_medium(session, sha256=raw.sha256).data)
                    if inputs and {stream: x.shape for stream, x in inputs.items()} == shapes:
                        stimuli[name, unit] = inputs
                        break
    return stimuli


def _stimulus_inputs(raw: bytes) -> Inputs:
    """Turn the arrays (D, T, H, W) of a stimulus, an .npz file, into inputs (1, ...) by stream."""
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        values = {StreamName(name): torch.from_numpy(arrays[name].astype(np.float32)) for name in arrays}
    return {name: as_input(name, x[None]) for name, x in values.items()}
