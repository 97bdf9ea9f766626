"""Which blocks of a MatConvNet graph lead from its inputs to its prediction, and in which order they run."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.contract.errors import InvalidRequest, WeightsUnreadable
from worker.networks.matconvnet_graph import Block, Graph

LAST = ("SoftMax", "DropOut")  # what follows the scores of classes


@dataclass(frozen=True)
class Paths:
    """The blocks that lead to one prediction, in the order in which they run."""

    blocks: tuple[Block, ...]
    inputs: tuple[str, ...]  # variables that no block makes
    prediction: str  # variable of the scores
    head: str  # name of the block that makes it
    left_out: tuple[tuple[str, str], ...]  # layers that lead elsewhere, and where

    def readers(self, variable: str) -> list[Block]:
        return [block for block in self.blocks if variable in block.inputs]


def listed(names: Iterable[str], most: int = 4) -> str:
    """Return the first names in words."""
    names = list(names)
    return ", ".join(names[:most] + [f"and {len(names) - most} more"] * (len(names) > most))


def find_paths(graph: Graph) -> Paths:
    """Return the way to the prediction that depends on most inputs; of several, the last in the file.

    Losses and what they alone read are left out. Raises WeightsUnreadable for a graph that cannot be run, and
    InvalidRequest where several streams lead to no common prediction.
    """
    blocks = [block for block in graph.blocks if "Loss" not in block.kind]
    makers: dict[str, Block] = {}
    for block in blocks:
        if len(block.outputs) != 1 or not block.inputs:
            raise WeightsUnreadable(
                f"The layer {block.name} ({block.kind}) has {len(block.inputs)} inputs and {len(block.outputs)} "
                "outputs; layers with one output and at least one input can be run."
            )
        if block.outputs[0] in makers:
            raise WeightsUnreadable(
                f"Two layers make `{block.outputs[0]}`: {makers[block.outputs[0]].name}, {block.name}."
            )
        makers[block.outputs[0]] = block
    read = {name for block in blocks for name in block.inputs}
    ends = [block for block in blocks if block.outputs[0] not in read]
    if not ends:
        raise WeightsUnreadable("The layers of the network run in a circle: none is the last.")
    heads: dict[str, Block] = {}  # by the end that they lead to
    for end in ends:
        head = end
        while head.kind in LAST and head.inputs[0] in makers:
            head = makers[head.inputs[0]]
        heads[end.name] = head
    places = {name: place for place, name in enumerate(makers)}
    ways = {head.name: _order(head, makers, places) for head in heads.values()}
    sources = {name: _sources(way, makers) for name, way in ways.items()}
    all_inputs = {name for found in sources.values() for name in found}
    chosen = [head for head in heads.values() if len(sources[head.name]) == max(map(len, sources.values()))][-1]
    if set(sources[chosen.name]) != all_inputs and len(all_inputs) > 1:
        each = "; ".join(f"{name} sees {listed(found)}" for name, found in sources.items())
        raise InvalidRequest(
            f"The streams of this network never meet: {each}. A prediction that sees all of them is needed: save the "
            "streams in files of their own, and average their scores by `networks add RGB.mat --motion FLOW.mat`."
        )
    way = ways[chosen.name]
    kept = {block.name for block in way}
    left_out = tuple(
        (block.name, head.name)
        for head in heads.values()
        if head is not chosen
        for block in ways[head.name]
        if block.name not in kept and block.params and block.kind != "BatchNorm"
    )
    return Paths(tuple(way), tuple(sources[chosen.name]), chosen.outputs[0], chosen.name, left_out)


def _order(head: Block, makers: dict[str, Block], places: dict[str, int]) -> list[Block]:
    """Return the blocks that a block depends on, and itself: each after those it reads, otherwise as in the file."""
    needed = {head.outputs[0]}
    waiting = [head]
    while waiting:
        for name in waiting.pop().inputs:
            if name in makers and name not in needed:
                needed.add(name)
                waiting.append(makers[name])
    unmade = {name: {each for each in makers[name].inputs if each in makers} for name in needed}
    readers: dict[str, list[str]] = {}
    for name, inputs in unmade.items():
        for each in inputs:
            readers.setdefault(each, []).append(name)
    ready = [(places[name], name) for name, inputs in unmade.items() if not inputs]
    heapq.heapify(ready)
    way: list[Block] = []
    while ready:
        _, name = heapq.heappop(ready)
        way.append(makers[name])
        for reader in readers.get(name, ()):
            unmade[reader].discard(name)
            if not unmade[reader]:
                heapq.heappush(ready, (places[reader], reader))
    if len(way) < len(needed):
        stuck = next(makers[name].name for name, inputs in unmade.items() if inputs)
        raise WeightsUnreadable(f"The layers of the network run in a circle through {stuck}.")
    return way


def _sources(way: Sequence[Block], makers: dict[str, Block]) -> list[str]:
    return list(dict.fromkeys(name for block in way for name in block.inputs if name not in makers))
