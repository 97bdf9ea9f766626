"""Measure what repairs the errors of a network, and what causes them, for the classes that attract most errors."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from app.contract.network import NetworkCard
from app.contract.repairs import Change, ClassRepairs, Effect, Outcome, RepairFacts, SuspectedPatch
from worker.evidence.repairs.chosen_clips import MAX_CLIPS, Case, SurveyedClips, choose_cases, join_copies
from worker.evidence.repairs.class_study import ClassStudy
from worker.evidence.repairs.occlusion import occlude
from worker.evidence.repairs.patch_units import control_caused, find_units
from worker.evidence.repairs.patch_words import name_patch
from worker.evidence.repairs.picture_blocks import BLOCKS, FEATURES, block_features, picture_stream
from worker.evidence.repairs.picture_contrast import Patch, find_patch, overlap
from worker.evidence.resampling import GroupedClips
from worker.evidence.stream_swaps import StreamSwapper
from worker.evidence.synergy import has_motion_and_appearance
from worker.evidence.types import Floats, Observe, ReadClips
from worker.graph.inputs import Inputs
from worker.networks.network import Network

MIN_ERRORS = 5  # into a class: of four, none repaired and all repaired have intervals that nearly touch
MIN_ERRORS_FOR_PATCH = 8  # so that each half has four to find the patch with
MAX_CLASSES = 4  # studied
MAX_PASSES_PER_CLIP = 8  # of the survey, for all classes together; one class is always studied
PASSES_PER_CHANGED_CLIP = 16  # surroundings and patches, each with shams, and the control: PARTNERS versions each
PASSES_FOR_PLACES = 150  # of a class: windows, units, and the streams of partners
MAX_HELD_BYTES = 500_000_000  # of inputs in half precision, of one class at a time
MAX_ACCURACY_P = 0.01  # above it nothing is changed: the errors are those of chance
MAX_P_VALUE = 0.05  # of the patch, times the number of classes: above it, its blocks are not changed
SHUFFLES = 999  # of the labels, for the accuracy by chance


def measure_repairs(
    network: Network,
    read_clips: ReadClips,
    clips: SurveyedClips,
    *,
    read_largest: Callable[[str], Floats],
    control: Callable[[], Network] | None = None,
    visible: tuple[float, float] = (1.0, 1.0),
    observe: Observe = lambda done, total: None,
    max_classes: int = MAX_CLASSES,
    seed: int = 0,
    budget: float = math.inf,
) -> RepairFacts:
    """Return what repairs errors into the classes that attract most, and what causes them in recognised clips.

    `read_largest(layer)` returns the largest activation (U,) of a layer's units over the clips; `control` the network
    with shuffled weights, asked for where a patch is found; `visible` are the shares of a clip's height and width that
    the network sees. As many classes are studied as `budget`, of forward passes, allows, but one at least.
    """
    clips = replace(clips, groups=join_copies(clips.logits, clips.groups))
    accuracy, p_value = accuracy_beyond_chance(clips, seed)
    cases = choose_cases(clips, min_errors=MIN_ERRORS, max_clips=max_held_clips(network.card), seed=seed)
    affordable = choose_affordable(cases, len(clips.labels), budget)
    asked = affordable[:max_classes] if p_value <= MAX_ACCURACY_P else []
    study = _RepairStudy(network, read_clips, clips, asked, observe, seed)
    classes = [study.measure(case, read_largest, control) for case in asked]
    return RepairFacts(
        accuracy=accuracy,
        accuracy_p=p_value,
        asked=len(asked),
        left_out=len(cases) - len(asked) if asked else 0,
        most_errors=most_errors(clips),
        needed=MIN_ERRORS,
        needed_for_patch=MIN_ERRORS_FOR_PATCH,
        classes=tuple(classes),
        rows=BLOCKS,
        columns=BLOCKS,
        visible=visible,
        passes=study.passes,
        seed=seed,
    )


def count_study_passes(network: Network, clips: SurveyedClips, seed: int = 0, budget: float = math.inf) -> int:
    """Return how many forward passes `measure_repairs` takes at most, about."""
    clips = replace(clips, groups=join_copies(clips.logits, clips.groups))
    cases = choose_cases(clips, min_errors=MIN_ERRORS, max_clips=max_held_clips(network.card), seed=seed)
    return sum(map(count_passes, choose_affordable(cases, len(clips.labels), budget)[:MAX_CLASSES]))


def max_passes(clip_count: float, budget: float = math.inf) -> int:
    """Return how many forward passes a survey of so many clips may take for it."""
    a_class = PASSES_PER_CHANGED_CLIP * 2 * MAX_CLIPS + PASSES_FOR_PLACES
    return int(np.clip(min(budget, MAX_PASSES_PER_CLIP * clip_count), a_class, MAX_CLASSES * a_class))


def count_passes(case: Case) -> int:
    """Return how many forward passes the study of a class takes at most, about."""
    return PASSES_PER_CHANGED_CLIP * (len(case.errors) + len(case.right)) + PASSES_FOR_PLACES


def choose_affordable(cases: Sequence[Case], clip_count: int, budget: float = math.inf) -> list[Case]:
    """Return the first cases, one at least, that a survey of so many clips can afford within a budget of passes."""
    passes = np.cumsum([count_passes(case) for case in cases])
    return [
        case
        for case, sum_ in zip(cases, passes, strict=True)
        if case is cases[0] or sum_ <= min(budget, MAX_PASSES_PER_CLIP * clip_count)
    ]


def max_held_clips(card: NetworkCard) -> int:
    """Return how many errors can be changed, so that the inputs of a case stay within MAX_HELD_BYTES."""
    values = sum(stream.depth * stream.frames * stream.height * stream.width for stream in card.streams)
    return int(np.clip(MAX_HELD_BYTES // (4 * 2 * values), MIN_ERRORS, MAX_CLIPS))


def most_errors(clips: SurveyedClips) -> int:
    """Return the largest number of errors into one class."""
    wrong = clips.predicted != clips.labels
    return int(np.bincount(clips.predicted[wrong]).max()) if wrong.any() else 0


def accuracy_beyond_chance(clips: SurveyedClips, seed: int = 0) -> tuple[float, float]:
    """Return the accuracy, and the p-value of one as high where labels are shuffled over groups.

    Errors mean something only of a network that recognises more clips than chance does.
    """
    generator = np.random.default_rng(seed)
    predicted = clips.predicted
    accuracy = float((predicted == clips.labels).mean())
    grouped = GroupedClips(clips.labels, clips.groups)
    by_chance = np.array([(predicted == grouped.shuffle(generator)).mean() for _ in range(SHUFFLES)])
    return accuracy, float((1 + (by_chance >= accuracy - 1e-12).sum()) / (1 + SHUFFLES))


class _RepairStudy:
    """Studies one class after the other, and counts passes."""

    def __init__(
        self,
        network: Network,
        read_clips: ReadClips,
        clips: SurveyedClips,
        cases: Sequence[Case],
        observe: Observe,
        seed: int,
    ) -> None:
        self.network, self.read_clips, self.clips, self.seed = network, read_clips, clips, seed
        self.classes, self.observe, self.passes = len(cases), observe, 0
        self.total = sum(map(count_passes, cases))

    def report(self, passes: int) -> None:
        self.passes += passes
        self.observe(min(self.passes, self.total), self.total)

    def measure(
        self, case: Case, read_largest: Callable[[str], Floats], control: Callable[[], Network] | None
    ) -> ClassRepairs:
        """Return what repairs and causes the errors of one case."""
        inputs, features = self._read(case)
        study = ClassStudy(self.network, self.clips, case, inputs, features, report=self.report, seed=self.seed)
        effects = []
        first = study.read(case.errors[0])
        if has_motion_and_appearance(first):
            swapper = StreamSwapper(self.network, first, study.read(case.partners[0]))
            effects += study.swap_streams(swapper)
        has_picture = picture_stream(first) is not None
        if has_picture:
            effects += study.change_surroundings()
        found = ClassRepairs(
            predicted=case.predicted,
            errors=case.all_errors,
            studied=len(case.errors),
            clips=tuple(self.clips.names[row] for row in case.errors),
            patch_searched=has_picture and len(np.unique(self.clips.groups[case.errors])) >= MIN_ERRORS_FOR_PATCH,
            effects=tuple(effects),
        )
        patches = self._find_patches(case, features) if found.patch_searched else None
        if patches is None:
            return found.model_copy(
                update={"examples": tuple(study.examples(_shown_change(effects), self.clips.names))}
            )
        whole, held_out, half = patches
        effects += study.change_patch(held_out, half)
        patch = self._describe(case, whole, held_out, features)
        seen = {"under_mover": study.share_under_mover(whole), **occlude(study, whole)}
        return found.model_copy(
            update={
                "patch": patch.model_copy(update=seen),
                "effects": tuple(effects),
                "units": find_units(study, whole, read_largest),
                "control_caused": control_caused(study, control()) if control is not None else None,
                "examples": tuple(study.examples(Change.PATCH, self.clips.names)),
            }
        )

    def _read(self, case: Case) -> tuple[dict[int, Inputs], dict[int, Floats]]:
        """Return the inputs, in half precision, of the clips that are changed, and the features of all compared."""
        held = set(case.held)
        rows = list(dict.fromkeys([*case.held, *case.compared]))
        inputs: dict[int, Inputs] = {}
        features: dict[int, Floats] = {}
        numbers = self.clips.numbers[rows].tolist()
        for row, (_, clip) in zip(rows, self.read_clips(numbers), strict=True):
            if picture_stream(clip) is not None:
                features[row] = block_features(clip)
            if row in held:
                inputs[row] = {name: x.cpu().half() for name, x in clip.items()}
        return inputs, features

    def _find_patches(
        self, case: Case, features: dict[int, Floats]
    ) -> tuple[Patch, Sequence[Patch], dict[int, int]] | None:
        """Return the patch found on all clips, those found on each half of the groups, and the half of each clip."""
        rows = np.array(case.compared)
        halves = self._split(case)
        maps = np.stack([features[row] for row in case.compared])
        errors = self.clips.predicted[rows] == case.predicted
        labels, groups = self.clips.labels[rows], self.clips.groups[rows]
        whole = find_patch(maps, labels, errors, groups, seed=self.seed)
        if whole is None or whole.p_value is None or whole.p_value * self.classes > MAX_P_VALUE:
            return None
        in_half = np.array([halves[row] for row in case.compared])
        found = [
            find_patch(
                maps[in_half == half],
                labels[in_half == half],
                errors[in_half == half],
                groups[in_half == half],
                permutations=0,
            )
            for half in (0, 1)
        ]
        both = [patch for patch in found if patch is not None]
        return (whole, both, halves) if len(both) == 2 else None

    def _split(self, case: Case) -> dict[int, int]:
        """Return the half, 0 or 1, of every clip: groups of each class and outcome go to the halves in turn."""
        of_group: dict[int, int] = {}
        dealt: dict[tuple[int, bool], int] = {}
        rows = list(dict.fromkeys([*case.compared, *case.held]))
        for row in rows:
            group = int(self.clips.groups[row])
            if group in of_group:
                continue
            is_error = bool(self.clips.predicted[row] == case.predicted)
            label = int(self.clips.labels[row])
            dealt.setdefault((label, is_error), len(dealt) % 2)  # classes with one clip alternate too
            of_group[group] = dealt[label, is_error] % 2
            dealt[label, is_error] += 1
        return {row: of_group[int(self.clips.groups[row])] for row in rows}

    def _describe(
        self, case: Case, patch: Patch, halves: Sequence[Patch], features: dict[int, Floats]
    ) -> SuspectedPatch:
        is_error = self.clips.predicted[case.compared] == case.predicted
        errors = np.stack([features[row] for row, wrong in zip(case.compared, is_error, strict=True) if wrong])
        right = np.stack([features[row] for row, wrong in zip(case.compared, is_error, strict=True) if not wrong])
        what, where, lab = name_patch(patch, errors, right)
        assert patch.p_value is not None
        return SuspectedPatch(
            what=what,
            where=where,
            feature=FEATURES[patch.feature],
            more=patch.sign > 0,
            contrast=patch.contrast,
            p_value=patch.p_value,
            rows=BLOCKS,
            columns=BLOCKS,
            blocks=tuple(np.flatnonzero(patch.blocks).tolist()),
            lab=lab,
            in_errors=float(np.mean([patch.is_in(each) for each in errors])),
            in_right=float(np.mean([patch.is_in(each) for each in right])),
            agreement=overlap(halves[0].blocks, halves[1].blocks),
            under_mover=0.0,
        )


def _shown_change(effects: Sequence[Effect]) -> Change:
    """Return the change that repairs most beyond its sham."""
    repairs = [each for each in effects if each.outcome is Outcome.REPAIRED]
    return max(repairs, key=lambda each: each.difference.value).change if repairs else Change.APPEARANCE
