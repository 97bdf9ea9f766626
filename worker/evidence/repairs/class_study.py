"""Change the clips of one class's errors, and count: appearance, motion, surroundings, and the suspected patch.

Each change is made twice to the same clips. Errors get the part of recognised clips, and as a sham that of other
errors; recognised clips get the part of errors, and as a sham that of other recognised clips. A part that does not
matter does as much as its sham.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from app.contract.repairs import BeforeAfter, Change, Effect, Outcome
from worker.evidence.appearance_bias import FOREGROUND_PX
from worker.evidence.foreground import clip_foreground
from worker.evidence.masking import FOREGROUND_PX as MOVING_PX
from worker.evidence.masking import block_mask
from worker.evidence.predict import batched_logits
from worker.evidence.repairs.changes import elsewhere, with_blocks_of, with_surroundings_of
from worker.evidence.repairs.chosen_clips import Case, SurveyedClips, choose_partners
from worker.evidence.repairs.outcomes import ChangedClip, count_effect
from worker.evidence.repairs.picture_blocks import BLOCKS
from worker.evidence.repairs.picture_contrast import Mask, Patch
from worker.evidence.stream_swaps import StreamSwapper
from worker.evidence.types import Floats
from worker.graph.inputs import Inputs
from worker.networks.network import Network
from worker.networks.preprocessing import clips_per_batch

Version = tuple[int, int, str]  # the row of a clip, that of its partner, and a field of ChangedClip


class ClassStudy:
    """The clips of one case: their inputs, in half precision, and features by row.

    `report` is told of forward passes. `probabilities` (classes,) of changed clips are kept by change, outcome, and the
    rows of clip and partner. `held_out` has the patch for each clip: the one found on the half of the groups that does
    not have the clip.
    """

    def __init__(
        self,
        network: Network,
        clips: SurveyedClips,
        case: Case,
        inputs: Mapping[int, Inputs],
        features: Mapping[int, Floats],
        *,
        report: Callable[[int], None],
        seed: int = 0,
    ) -> None:
        self.network, self.clips, self.case = network, clips, case
        self.inputs, self.features, self.report = inputs, features, report
        self.generator = np.random.default_rng(seed)
        self.probabilities: dict[tuple[Change, Outcome], dict[tuple[int, int], Tensor]] = {}
        self.held_out: dict[int, Patch] = {}

    def read(self, row: int) -> Inputs:
        """Return the inputs of a clip in float32."""
        return {name: x.float() for name, x in self.inputs[row].items()}

    def swap_streams(self, swapper: StreamSwapper) -> list[Effect]:
        """Give clips the appearance of their partners, and then their motion; streams are computed once a clip."""
        case = self.case
        motions = {row: swapper.read_motion(self.read(row)) for row in (*case.errors, *case.partners)}
        versions = {change: self._plan(change) for change in (Change.APPEARANCE, Change.MOTION)}
        wanted: dict[int, set[int]] = {}  # by the clip that gives the appearance: clips that give the motion
        for change, by_outcome in versions.items():
            for row, partner, _ in (version for some in by_outcome.values() for version in some):
                first, second = (partner, row) if change is Change.APPEARANCE else (row, partner)
                wanted.setdefault(first, set()).add(second)
        swapped: dict[tuple[int, int], Tensor] = {}
        for appearance, givers in wanted.items():
            rows = sorted(givers)
            logits, _ = swapper.swap(self.read(appearance), [motions[row] for row in rows])
            swapped |= {(appearance, row): p for row, p in zip(rows, logits.softmax(1), strict=True)}
            self.report(1)
        return [
            effect
            for change, by_outcome in versions.items()
            for outcome, some in by_outcome.items()
            for effect in self._count(
                change,
                outcome,
                some,
                [swapped[(p, row) if change is Change.APPEARANCE else (row, p)] for row, p, _ in some],
            )
        ]

    def change_surroundings(self) -> list[Effect]:
        """Put the moving foreground of clips before the pictures of their partners."""
        effects = []
        for outcome, versions in self._plan(Change.SURROUNDINGS).items():
            changed = (with_surroundings_of(self.read(row), self.read(partner)) for row, partner, _ in versions)
            effects += self._count(Change.SURROUNDINGS, outcome, versions, self.predict(changed))
        return effects

    def change_patch(self, held_out: Sequence[Patch], half: Mapping[int, int]) -> list[Effect]:
        """Replace the blocks of the patch that the other half of the clips shows, and as many blocks elsewhere.

        `held_out` are the patches found on either half, `half` (0 or 1) says in which each clip is.
        """
        self.held_out = {row: held_out[1 - number] for row, number in half.items()}
        moved = {id(patch): elsewhere(patch.blocks) for patch in held_out}

        def change(version: Version) -> Inputs:
            row, partner, kind = version
            blocks = moved[id(self.held_out[row])] if kind == "elsewhere" else self.blocks_for(row)
            return with_blocks_of(self.read(row), self.read(partner), blocks)

        def has_patch(row: int, other: int) -> bool:
            return self.held_out[row].is_in(self.features[other])

        effects = []
        for outcome, versions in self._plan(Change.PATCH, has_patch).items():
            effects += self._count(Change.PATCH, outcome, versions, self.predict(map(change, versions)))
        return effects

    def blocks_for(self, row: int) -> Mask:
        """Return the blocks (14, 14) of the patch that was found without the clip."""
        return self.held_out[row].blocks

    def _plan(
        self, change: Change, has_patch: Callable[[int, int], bool] | None = None
    ) -> dict[Outcome, list[Version]]:
        """Return the versions of clips that are made for a change, by outcome.

        `has_patch(row, other)` says whether the clip `other` has the patch that is changed in the clip `row`: where it
        is given, partners are chosen by it too, and recognised clips that have the patch are not changed.
        """
        case = self.case

        def partners(row: int, pool: Sequence[int], wanted: bool) -> list[int]:
            fitting = [other for other in pool if has_patch is None or has_patch(row, other) == wanted]
            return choose_partners(self.clips, row, fitting, self.generator)

        def versions(rows: Sequence[int], is_error: bool) -> Iterator[Version]:
            """Yield versions of errors, which lose the patch, or of other clips, which get it."""
            for row in rows:
                if not is_error and has_patch is not None and has_patch(row, row):
                    continue
                with_it, without = partners(row, case.errors, True), partners(row, case.partners, False)
                given, sham = (without, with_it) if is_error else (with_it, without)
                yield from ((row, partner, "changed") for partner in given)
                yield from ((row, partner, "sham") for partner in sham)
                if change is Change.PATCH:
                    yield from ((row, partner, "elsewhere") for partner in given)

        planned = {
            Outcome.REPAIRED: list(versions(case.errors, True)),
            Outcome.CAUSED: list(versions(case.right, False)),
        }
        if change is Change.PATCH:
            planned[Outcome.RECOVERED] = list(versions(case.missed, False))
        return planned

    def _count(
        self, change: Change, outcome: Outcome, versions: Sequence[Version], probabilities: Sequence[Tensor]
    ) -> list[Effect]:
        results: dict[int, ChangedClip] = {}
        kept = self.probabilities.setdefault((change, outcome), {})
        for (row, partner, kind), p in zip(versions, probabilities, strict=True):
            getattr(results.setdefault(row, ChangedClip(row)), kind).append(int(p.argmax()))
            if kind == "changed":
                kept[row, partner] = p
        effect = count_effect(change, outcome, self.case.predicted, self.clips, list(results.values()))
        return [] if effect is None else [effect]

    def predict(self, clips: Iterator[Inputs], network: Network | None = None) -> list[Tensor]:
        """Return the probabilities (classes,) of each clip; clips are made as the network takes them."""
        network = network or self.network
        probabilities: list[Tensor] = []
        with torch.no_grad():
            while batch := list(islice(clips, clips_per_batch(network.card))):
                probabilities += batched_logits(network, batch).softmax(1)
                self.report(len(batch))
        return probabilities

    def examples(self, change: Change, names: Sequence[str]) -> list[BeforeAfter]:
        """Return for each actual class the surest error and the surest recognised clip, before and after a change."""
        shown = []
        for outcome in (Outcome.REPAIRED, Outcome.CAUSED):
            kept = self.probabilities.get((change, outcome), {})
            rows = {row for row, _ in kept}
            for label in sorted({int(self.clips.labels[row]) for row in rows}):
                of_class = [row for row in rows if self.clips.labels[row] == label]
                row = max(of_class, key=lambda each: (self._sureness(each), -each))
                partner, p = next((partner, p) for (some, partner), p in kept.items() if some == row)
                shown.append(
                    BeforeAfter(
                        change=change,
                        outcome=outcome,
                        clip=names[row],
                        partner=names[partner],
                        actual=label,
                        predicted=int(self.clips.predicted[row]),
                        probability=self._sureness(row),
                        blocks=tuple(np.flatnonzero(self._replaced(change, row)).tolist()),
                        changed_predicted=int(p.argmax()),
                        changed_probability=float(p.max()),
                    )
                )
        return shown

    def share_under_mover(self, patch: Patch) -> float:
        """Return the share of the patch's blocks in which something moves, mean over the errors."""
        shares = [self._moving(row)[patch.blocks].mean() for row in self.case.errors]
        return float(np.mean(shares))

    def _moving(self, row: int, min_px: float = MOVING_PX) -> Mask:
        """Return the blocks (14, 14) of a clip in which something moves."""
        return np.asarray(block_mask(clip_foreground(self.read(row), min_px))[0, 0].cpu().numpy() > 0)

    def _replaced(self, change: Change, row: int) -> Mask:
        """Return the blocks (14, 14) of a clip's picture that a change replaces."""
        if change is Change.PATCH:
            return self.blocks_for(row)
        if change is Change.SURROUNDINGS:
            return ~self._moving(row, FOREGROUND_PX)
        return np.full((BLOCKS, BLOCKS), change is Change.APPEARANCE)

    def _sureness(self, row: int) -> float:
        return self.clips.probability(row, int(self.clips.predicted[row]))
