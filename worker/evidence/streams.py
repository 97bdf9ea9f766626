"""What each stream contributes to the classes: pictures of one clip with the motion of another, and surroundings
of one behind the movers of another. Changed clips are made of real ones, so that neither stream sees what it never
saw in training (a silenced stream would).
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from app.contract.evidence import PictureBias, StreamFacts, StreamPair
from app.contract.network import StreamName
from worker.devices import device_of
from worker.evidence.masking import moving
from worker.evidence.pairs import area, separated_pairs
from worker.evidence.stream_swaps import Crossing
from worker.evidence.synergy import MOTION, both
from worker.evidence.variance import Swaps
from worker.graph.inputs import Inputs, on_device
from worker.networks.network import Network
from worker.networks.preprocessing import batch_size, join

DONORS = 6  # clips that lend their motion to each clip
MOST = 600  # clips that are changed
PAIRS = 10  # of classes that neither stream alone tells well: measured again, among the clips of the two alone
PAIR_CLIPS = 10  # of each of them
STRANGERS = 16  # clips of other classes that are set before a class's surroundings
MOVING_PX = 0.75  # a frame, of what moves before other surroundings
EACH = 4  # clips of a class, recognised and missed, among which pictures are swapped

Clips = Callable[[Sequence[int]], Iterator[tuple[int, Inputs]]]  # by their numbers, in that order
Observe = Callable[[int, int], None]


def stream_facts(
    network: Network,
    clips: Clips,
    labels: np.ndarray[tuple[int], np.dtype[np.int64]],
    logits: Mapping[int, np.ndarray[tuple[int], np.dtype[np.float32]]],
    observe: Observe,
) -> StreamFacts | None:
    """`labels` of all clips, `logits` of those that were read, by number. None for a network of one stream, and for
    too few clips to lend motion.
    """
    streams = {stream.name for stream in network.card.streams}
    numbers = np.random.default_rng(0).permutation(sorted(logits))[:MOST].tolist()
    if MOTION not in streams or len(streams) < 2 or len(numbers) <= DONORS:
        return None
    own = labels[numbers]
    taken = {number: int(logits[number].argmax()) for number in numbers}
    groups = {label: _split(numbers, labels, taken, label) for label in sorted(set(own.tolist()))}
    mixed = {label: group for label, group in groups.items() if min(map(len, group)) > 1}
    total = len(numbers) + DONORS + PAIRS * 4 * PAIR_CLIPS + len(mixed) * (3 * EACH + EACH * STRANGERS)
    crossing = Crossing(network, *(inputs for _, inputs in clips(numbers[:2])))
    composed = 0

    def tell() -> None:
        observe(min(crossing.passes + composed, total), total)

    def answers(changed: Sequence[Inputs]) -> Tensor:
        nonlocal composed
        device, size = device_of(network.module), batch_size(network.card)
        found = []
        for start in range(0, len(changed), size):
            batch = join(changed[start : start + size])
            found.append(network.logits(on_device(batch, device)).cpu())
        composed += len(changed)
        tell()
        return torch.cat(found)

    place = {number: index for index, number in enumerate(numbers)}
    fused = torch.from_numpy(np.stack([logits[number] for number in numbers]))
    swaps = Swaps(fused.argmax(1), fused.shape[1])
    alone = torch.zeros(2, *fused.shape)
    last: deque[tuple[int, Tensor]] = deque(maxlen=DONORS)
    for number, inputs in clips([*numbers, *numbers[:DONORS]]):
        if len(last) < DONORS:
            own_motion = crossing.lend(inputs)
        else:
            found, own_motion = crossing.logits(inputs, [lent for _, lent in last])
            donors = [place[other] for other, _ in last]
            swaps.add(place[number], donors, found)
            alone[0, place[number]] = found.softmax(1).sum(0)
            alone[1, donors] += found.softmax(1)
        last.append((number, own_motion))
        tell()
    pictures, motion = (alone / DONORS).clamp_min(1e-12).log()
    truth = torch.from_numpy(own)

    def accuracy(scores: Tensor) -> float:
        return float((scores.argmax(1) == truth).float().mean())

    pairs = separated_pairs(fused.numpy(), pictures.numpy(), motion.numpy(), own)
    doubtful = [pair for pair in pairs if pair.fused >= 0.8][:PAIRS]
    again = {pair.classes: _among_themselves(pair, clips, numbers, labels, crossing) for pair in doubtful}
    biases = [
        _bias(label, group, clips, crossing, answers, [n for n in numbers if labels[n] != label][:STRANGERS], taken)
        for label, group in mixed.items()
    ]
    return StreamFacts(
        clips=len(numbers),
        fused=accuracy(fused),
        pictures=accuracy(pictures),
        motion=accuracy(motion),
        voting=accuracy(pictures + motion),
        shares=swaps.shares(),
        pairs=tuple(again.get(pair.classes, pair) for pair in pairs),
        biases=tuple(biases),
    )


def _among_themselves(
    pair: StreamPair,
    clips: Clips,
    numbers: Sequence[int],
    labels: np.ndarray[tuple[int], np.dtype[np.int64]],
    crossing: Crossing,
) -> StreamPair:
    """The pair measured with clips of the two classes lending each other their motion, either as often as the other:
    others' motion may hide what a stream knows of these two.
    """
    one, other = ([n for n in numbers if labels[n] == label][:PAIR_CLIPS] for label in pair.classes)
    order = [number for both_ in zip(one, other, strict=False) for number in both_]
    if len(order) <= DONORS:
        return pair
    inputs = dict(clips(order))
    is_one = np.arange(len(order)) % 2 == 0
    lent = [crossing.lend(inputs[number]) for number in order]
    pictures, motion = np.zeros((2, len(order)))
    for place, number in enumerate(order):
        donors = [(place + shift) % len(order) for shift in range(1, DONORS + 1)]
        found, _ = crossing.logits(inputs[number], [lent[donor] for donor in donors])
        found = found.softmax(1).clamp_min(1e-12)
        difference = (found[:, pair.classes[0]].log() - found[:, pair.classes[1]].log()).numpy()
        pictures[place] = difference.sum()
        motion[donors] += difference
    return pair.model_copy(update={"pictures": area(pictures, is_one), "motion": area(motion, is_one)})


def _split(
    numbers: Sequence[int],
    labels: np.ndarray[tuple[int], np.dtype[np.int64]],
    taken: Mapping[int, int],
    label: int,
) -> tuple[list[int], list[int]]:
    """Some of the class's clips that are recognised, and some that are missed."""
    own = [number for number in numbers if labels[number] == label]
    right = [number for number in own if taken[number] == label]
    return right[:EACH], [number for number in own if taken[number] != label][:EACH]


def _bias(
    label: int,
    group: tuple[list[int], list[int]],
    clips: Clips,
    crossing: Crossing,
    answers: Callable[[Sequence[Inputs]], Tensor],
    strangers: Sequence[int],
    taken: Mapping[int, int],
) -> PictureBias:
    right, missed = group
    inputs = dict(clips([*right, *missed, *strangers]))

    def taken_for_it(logits: Sequence[Tensor]) -> float:
        return float((torch.cat(list(logits)).argmax(1) == label).float().mean())

    lent = [crossing.lend(inputs[number]) for number in missed]
    mended = [crossing.logits(inputs[number], lent) for number in right]
    spoiled = [crossing.logits(inputs[number], [own for _, own in mended]) for number in missed]
    pulled = [transplanted(inputs[stranger], inputs[place]) for place, stranger in product(right, strangers)]
    return PictureBias(
        class_index=label,
        mended=taken_for_it([logits for logits, _ in mended]),
        spoiled=taken_for_it([logits for logits, _ in spoiled]),
        pull=taken_for_it([answers(pulled)]) if pulled else 0.0,
        base=sum(taken[stranger] == label for stranger in strangers) / max(1, len(strangers)),
    )


def transplanted(inputs: Inputs, place: Inputs) -> dict[StreamName, Tensor]:
    """What moves in one clip, before what stands still in the pictures of another; the motion is left as it is."""
    assert both(inputs)
    kept = moving(inputs[MOTION], MOVING_PX)

    def composed(name: StreamName, x: Tensor) -> Tensor:
        mask = F.interpolate(kept, x.shape[-2:])
        mask = mask if x.ndim == 4 else mask[:, :, None]
        return x * mask + place[name] * (1 - mask)

    return {name: x if name is MOTION else composed(name, x) for name, x in inputs.items()}
