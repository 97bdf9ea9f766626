"""The pass of a data set through a network: what is recorded, then what is found of every unit."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import Tensor

from app.contract.errors import InvalidRequest, VideoError
from app.contract.evidence import Feed, MaskedClass, NewAnswer, StreamFacts, SurveyFacts, UnitEvidence
from app.contract.network import CLASS_LAYER, NetworkCard
from worker.devices import device_of
from worker.evidence.activation_reader import recorder
from worker.evidence.checkpoint import Tally, survey_key
from worker.evidence.class_attributions import FED_CLIPS, feeding_layers, feeds
from worker.evidence.clip_cover import among, shared_clips
from worker.evidence.masking import masked_classes
from worker.evidence.measures import softmax
from worker.evidence.probing import PROBED_CLIPS, Plan, Probed, Unit, plan, probe, tuned_layers
from worker.evidence.streams import stream_facts
from worker.evidence.units import clip_answers, survey_facts, unit_evidence
from worker.graph.inputs import Inputs, on_device
from worker.networks.network import Network
from worker.networks.preprocessing import batch_size, join
from worker.survey.prefetch import Sample, prepared

SAVED_EVERY = 10.0  # seconds
PROBES_COST = 10  # probes take at most so many times as long as the pass, if they can


@dataclass(frozen=True)
class Stage:
    """How far a survey is with what it does now, by a name of STAGES: in clips, or in passes of one clip through the
    network.
    """

    name: str
    done: int
    total: int


STAGES = {  # in their order, and what each does
    "recording": "shows every clip",
    "probing": "shows the strongest clips slower, faster, turned, and one stream alone",
    "feeding": "finds the classes that units feed",
    "swapping": "shows the picture of one clip with the motion of another",
    "masking": "shows clips with grey in the place of what moves, or of all else",
    "saving": "saves what each unit did",
}

Observe = Callable[[Stage], None]  # may raise to stop: what has been recorded stays for the next start


@dataclass(frozen=True)
class Surveyed:
    """A finished pass. `units` gives every unit's evidence once, `answers` what each clip was taken for; `forget`
    removes what lies on disk for it.
    """

    facts: SurveyFacts
    units: Iterator[UnitEvidence]
    answers: Iterator[NewAnswer]
    forget: Callable[[], None]


def survey(
    network: Network,
    dataset: str,
    samples: Sequence[Sample],
    folder: Path,
    *,
    threads: int = 1,
    probed: Sequence[str] | None = None,
    stimuli: Mapping[Unit, Inputs] | None = None,
    observe: Observe = lambda stage: None,
) -> Surveyed:
    """Records what every unit does on every sample, then changes the strongest clips of the `probed` layers (those
    that motion reaches unless told otherwise; none: nothing is probed).

    A pass that was stopped goes on where it was: it lies in `folder`, under a name that follows from network, data
    set and samples. Samples that cannot be read are skipped. Raises UnknownClass for a label that the network does
    not have, InvalidRequest for fewer than two classes, VideoError where nothing can be read, NotFinite.
    """
    labels = match_labels(network.card, samples)
    names = [sample.name for sample in samples]
    key = survey_key(network.card, dataset, [(sample.name, sample.label) for sample in samples])
    tally = Tally(folder / key, network.card, len(samples))
    before, started = tally.seconds, time.monotonic()
    record_all(network, samples, tally, threads, observe)
    seen = labels[tally.seen]
    if not len(seen):
        first = next(iter(tally.skipped.values()))
        raise VideoError(f"None of the {len(samples)} clips can be read. The first: {first}")
    layers = tuned_layers(network.card) if probed is None else tuple(probed)
    found = probe_strongest(network, samples, labels, tally, layers, threads, stimuli or {}, observe)
    fed = feed_classes(
        network, samples, tally, threads, feeding_layers(network.card) if probed is None else layers, observe
    )
    units = unit_evidence(tally, names, seen, len(network.card.classes), found, fed)
    streams = swap_streams(network, samples, tally, labels, threads, observe) if layers else None
    masked = grey_pictures(network, samples, tally, labels, threads, observe) if layers else ()
    tally.seconds = before + time.monotonic() - started
    facts = survey_facts(tally, names, seen, streams, masked)
    return Surveyed(facts, units, clip_answers(tally, names, seen), tally.remove)


def match_labels(card: NetworkCard, samples: Sequence[Sample]) -> npt.NDArray[np.int64]:
    """The class number of every sample."""
    numbers = {label: card.match_class(label) for label in dict.fromkeys(sample.label for sample in samples)}
    if len(numbers) < 2:
        raise InvalidRequest(
            f"All {len(samples)} clips are of one class, so nothing can be said of what units prefer. Bring clips of "
            "two classes at least."
        )
    return np.array([numbers[sample.label] for sample in samples], np.int64)


def record_all(
    network: Network, samples: Sequence[Sample], tally: Tally, threads: int, observe: Observe = lambda stage: None
) -> None:
    """Every sample that the tally does not have yet."""
    device, size = device_of(network.module), batch_size(network.card)
    rest = range(tally.done, len(samples))
    started = saved = time.monotonic()
    before = tally.seconds
    batch: list[tuple[int, Inputs]] = []
    with recorder(network) as record:

        def flush(reached: int) -> None:
            if batch:
                inputs = join([clip for _, clip in batch])
                readings = record(on_device(inputs, device))
                tally.add([number for number, _ in batch], readings)
                batch.clear()
            tally.done = reached
            tally.seconds = before + time.monotonic() - started

        for number, clip in prepared(network.card, samples, rest, threads):
            if isinstance(clip, VideoError):
                tally.skip(number, clip.detail)
            else:
                batch.append((number, clip))
            if len(batch) < size and number + 1 < len(samples):
                continue
            flush(number + 1)
            if time.monotonic() - saved > SAVED_EVERY:
                tally.save()
                saved = time.monotonic()
            observe(Stage("recording", tally.done, len(samples)))
    tally.save()


def probe_strongest(
    network: Network,
    samples: Sequence[Sample],
    labels: npt.NDArray[np.int64],
    tally: Tally,
    layers: Sequence[str],
    threads: int,
    stimuli: Mapping[Unit, Inputs],
    observe: Observe,
) -> dict[Unit, Probed]:
    if not layers:
        return {}
    by_clip = dict(enumerate(labels.tolist()))
    todo = affordable_plan(network.card, layers, strongest(tally, layers), by_clip)
    numbers = todo.clips if todo.lead is None else (todo.lead, *todo.clips)
    return probe(
        network,
        todo,
        rereading(network.card, samples, threads)(numbers),
        by_clip,
        stimuli,
        lambda done, total: observe(Stage("probing", done, total)),
    )


def feed_classes(
    network: Network,
    samples: Sequence[Sample],
    tally: Tally,
    threads: int,
    layers: Sequence[str],
    observe: Observe,
) -> dict[Unit, tuple[Feed, ...]]:
    """Which classes the units of these layers feed; each of their strongest clips is read once more."""
    hidden = [name for name in layers if not network.card.layer(name).is_class]
    if not hidden:
        return {}

    clips = rereading(network.card, samples, threads)
    top = strongest(tally, hidden)
    chosen = shared_clips(top.values(), FED_CLIPS)
    shared = {name: among(found, chosen, FED_CLIPS) for name, found in top.items()}
    return feeds(network, shared, clips, lambda done, total: observe(Stage("feeding", done, total)))


def swap_streams(
    network: Network,
    samples: Sequence[Sample],
    tally: Tally,
    labels: npt.NDArray[np.int64],
    threads: int,
    observe: Observe,
) -> StreamFacts | None:
    """What each of two streams contributes; None for a network of one."""
    clips = rereading(network.card, samples, threads)
    logits = dict(zip(tally.seen.tolist(), np.asarray(tally.peaks(CLASS_LAYER)), strict=True))
    return stream_facts(network, clips, labels, logits, lambda done, total: observe(Stage("swapping", done, total)))


def grey_pictures(
    network: Network,
    samples: Sequence[Sample],
    tally: Tally,
    labels: npt.NDArray[np.int64],
    threads: int,
    observe: Observe,
) -> tuple[MaskedClass, ...]:
    """What is left of recognised clips' classes where what moves, or all else, is grey."""
    clips = rereading(network.card, samples, threads)
    own = labels.tolist()
    logits = zip(tally.seen.tolist(), np.asarray(tally.peaks(CLASS_LAYER)), strict=True)
    recognised = {number: float(softmax(row)[own[number]]) for number, row in logits if row.argmax() == own[number]}
    return masked_classes(network, clips, own, recognised, lambda done, total: observe(Stage("masking", done, total)))


def affordable_plan(
    card: NetworkCard, layers: Sequence[str], top: Mapping[str, Tensor], labels: Mapping[int, int]
) -> Plan:
    """As many of each unit's strongest clips as keep the probes within so many times the pass; one at least."""
    for count in range(PROBED_CLIPS, 0, -1):
        todo = plan(card, layers, top, labels, count)
        if todo.passes <= PROBES_COST * len(labels):
            break
    return todo


def strongest(tally: Tally, layers: Sequence[str]) -> dict[str, Tensor]:
    """By layer, the numbers (U, K) of its units' strongest clips; -1 for none."""
    kept = {name: tally.top[name] for name in layers}
    return {name: top.clip.where(top.peak > 0, -1) for name, top in kept.items()}


def rereading(
    card: NetworkCard, samples: Sequence[Sample], threads: int
) -> Callable[[Sequence[int]], Iterator[tuple[int, Inputs]]]:
    """Reads samples by number that have been read before: one that cannot be read any more stops the survey, which
    can be started again.
    """

    def clips(numbers: Sequence[int]) -> Iterator[tuple[int, Inputs]]:
        for number, clip in prepared(card, samples, numbers, threads):
            if isinstance(clip, VideoError):
                raise clip
            yield number, clip

    return clips
