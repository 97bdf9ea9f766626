"""Few clips serve all units."""

import torch

from worker.evidence.clip_cover import cover_units, keep_chosen

TOP = [torch.tensor([[4, 1, 0], [4, 2, 0], [3, -1, -1]]), torch.tensor([[2, 4, 1], [-1, -1, -1]])]


def test_every_unit_has_as_many_clips_as_it_can() -> None:
    assert cover_units(TOP, 1) == (3, 4), "4 serves three units, 3 the one that has no other"
    two = cover_units(TOP, 2)
    assert len(two) == 4
    for layer in TOP:
        for strongest in layer:
            clips = set(strongest.tolist()) - {-1}
            assert len(clips & set(two)) >= min(2, len(clips))
    assert cover_units(TOP, 9) == (0, 1, 2, 3, 4)
    assert cover_units([torch.full((2, 3), -1)], 1) == ()


def test_among_equals_the_stronger_clip_is_chosen() -> None:
    assert cover_units([torch.tensor([[7, 5], [7, 5]])], 1) == (7,)
    assert cover_units([torch.tensor([[5, 7], [5, 7]])], 1) == (5,)


def test_the_strongest_chosen_clips_are_kept() -> None:
    assert keep_chosen(TOP[0], (0, 1, 4), 2).tolist() == [[4, 1], [4, 0], [-1, -1]]
    assert keep_chosen(TOP[1], (0, 1, 4), 2).tolist() == [[4, 1], [-1, -1]]
