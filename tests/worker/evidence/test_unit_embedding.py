"""Like units lie together on a map, whatever their strength; the same survey gives the same map."""

import numpy as np
import pytest

from tests.evidence_support import unit_evidence
from worker.evidence.unit_embedding import UnitEmbedding, embed_units

KINDS = 6


@pytest.fixture
def responses() -> np.ndarray:
    """Return (120, 24): units of six kinds with classes of their own, strong and weak, specific and nearly generic."""
    draw = np.random.default_rng(3)
    kinds = draw.random((KINDS, 24)) ** 4
    profiles = kinds[np.arange(120) % KINDS] + 0.02 * draw.random((120, 24))
    generic = draw.choice([0.0, 0.5, 4.0], (120, 1))
    responses: np.ndarray = (profiles + generic) * draw.uniform(0.01, 3, (120, 1))
    return responses.astype(np.float32)


def nearest_are_alike(positions: np.ndarray) -> float:
    far = ((positions[:, None] - positions) ** 2).sum(2)
    np.fill_diagonal(far, np.inf)
    return float((far.argmin(1) % KINDS == np.arange(len(positions)) % KINDS).mean())


@pytest.mark.parametrize("landmarks", [1000, 60])
def test_units_of_a_kind_lie_together(responses: np.ndarray, landmarks: int) -> None:
    positions = embed_units(responses, max_landmarks=landmarks)
    assert nearest_are_alike(positions) > 0.9  # 1 in 6 by chance
    assert (positions.min(), positions.max()) == (pytest.approx(0.03), pytest.approx(0.97))
    assert np.array_equal(embed_units(responses, max_landmarks=landmarks), positions)


def test_units_that_prefer_nothing_have_no_position(responses: np.ndarray) -> None:
    responses[5], responses[9] = 0, 0.7
    positions = embed_units(responses)
    assert np.flatnonzero(np.isnan(positions).any(1)).tolist() == [5, 9]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5])
def test_few_units_can_be_embedded(count: int) -> None:
    flat = np.random.default_rng(0).random((count, 4)).astype(np.float32)
    assert np.isfinite(embed_units(flat)).all()
    assert embed_units(np.zeros((count, 4), np.float32)).shape == (count, 2)


def test_an_embedding_yields_the_units_and_then_their_positions() -> None:
    silent = {"responses": (0.0,) * 5}
    units = [unit_evidence("fc6", n, 5, **(silent if n == 3 else {})) for n in range(7)]
    actual = UnitEmbedding()
    assert list(actual.collect(units)) == units
    assert actual.positions().keys() == {("fc6", n) for n in (0, 1, 2, 4, 5, 6)}
    assert UnitEmbedding().positions() == {}
