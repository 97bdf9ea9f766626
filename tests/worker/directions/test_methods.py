"""Each method on data whose directions are known."""

import numpy as np
import pytest
import torch

from app.contract.errors import InvalidRequest
from worker.directions.activations import LayerSample, Rows
from worker.directions.factorizations import learn_kmeans, learn_nmf, learn_pca
from worker.directions.measures import encoder_error, measure_dictionary, reconstruct
from worker.directions.sparse_autoencoder import learn_sae
from worker.networks.dictionary import DictionaryLayer, Directions


def sparse_product(seed: int = 0, rows: int = 1500, size: int = 5, channels: int = 12) -> tuple[Rows, Rows]:
    """Return rows that are non-negative sums of few of `size` directions of length 1, and these directions."""
    rng = np.random.default_rng(seed)
    directions = rng.random((size, channels)) * (rng.random((size, channels)) < 0.3)
    directions[np.arange(size), np.arange(size)] = 2  # each has a channel of its own, or the factors were not unique
    directions[:, :size] *= np.eye(size)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    codes = rng.exponential(size=(rows, size)) * (rng.random((rows, size)) < 0.4)
    return (codes @ directions).astype(np.float32), directions.astype(np.float32)


def best_matches(found: Directions, true: Rows) -> Rows:
    """Return for each true direction the largest cosine to a found one."""
    decoder = torch.nn.functional.normalize(found.decoder, dim=1).numpy()
    return np.asarray((true @ decoder.T).max(1))


def test_components_are_those_of_a_known_covariance() -> None:
    axes = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
    deviations = np.array([5.0, 3.0, 2.0, 0.1, 0.1, 0.1])
    rows = np.random.default_rng(2).normal(size=(20_000, 6)) * deviations @ axes.T + 4.0
    found = learn_pca(rows.astype(np.float32), 3, seed=0)
    cosines = np.abs(found.decoder.numpy() @ axes[:, :3])
    assert np.diag(cosines) == pytest.approx(np.ones(3), abs=1e-2)
    layer = DictionaryLayer(found, follows_relu=False)
    code = layer.encode(torch.from_numpy(rows.astype(np.float32)))
    assert code.mean(0).abs().max() < 1e-3, "centred"
    assert code.std(0).numpy() == pytest.approx(deviations[:3], rel=0.05)


def test_factors_of_a_known_product_are_found_up_to_their_order() -> None:
    rows, true = sparse_product()
    found = learn_nmf(rows, 5, seed=0)
    assert best_matches(found, true).min() > 0.98
    assert encoder_error(DictionaryLayer(found, follows_relu=False), torch.from_numpy(rows), seed=0) < 1e-4


def test_many_rows_are_factorized_in_batches() -> None:
    rows, true = sparse_product(rows=21_000)
    assert best_matches(learn_nmf(rows, 5, seed=0), true).min() > 0.9


def test_clusters_are_found_and_the_largest_code_is_the_nearest() -> None:
    rng = np.random.default_rng(3)
    centers = rng.normal(size=(4, 8)) * 5
    which = rng.integers(0, 4, 2000)
    rows = (centers[which] + rng.normal(size=(2000, 8)) * 0.2).astype(np.float32)
    layer = DictionaryLayer(learn_kmeans(rows, 4, seed=0), follows_relu=False)
    code = layer.encode(torch.from_numpy(rows))
    distances = torch.cdist(torch.from_numpy(rows), layer.encoder)
    assert torch.equal(code.argmax(1), distances.argmin(1))
    nearest = reconstruct(layer, "kmeans", code)
    assert (nearest - torch.from_numpy(centers[which]).float()).abs().max() < 0.1
    changed = torch.from_numpy(rows[:1]) + layer.decoder[:1]
    assert (layer.encode(changed) - code[:1])[0, 0] == pytest.approx(1.0, abs=1e-3), "the code grows by 1"


def test_a_sparse_autoencoder_finds_the_directions_that_few_make_up() -> None:
    rows, true = sparse_product(size=4, rows=3000)
    found = learn_sae(rows, 6, seed=0, active=3, steps=2000, reset_every=150)
    layer = DictionaryLayer(found, follows_relu=False)
    code = layer.encode(torch.from_numpy(rows)).relu()
    assert int((code > 0).sum(1).max()) <= 3
    residual = (torch.from_numpy(rows) - layer.decode(code)).square().sum()
    assert float(residual) < 0.05 * float(torch.from_numpy(rows - rows.mean(0)).square().sum())
    assert np.median(best_matches(found, true)) > 0.9


def test_what_topk_leaves_out_has_a_gradient_that_says_how_to_grow() -> None:
    identity = torch.eye(4)
    layer = DictionaryLayer(
        Directions(identity, torch.zeros(4), identity, torch.zeros(4), kind="topk", active=2), follows_relu=False
    )
    values = torch.tensor([[4.0, 3.0, 2.5, -1.0]], requires_grad=True)
    code = layer.encode(values)
    assert code.tolist() == [[4.0, 3.0, -0.5, -4.0]]
    assert code.relu().tolist() == [[4.0, 3.0, 0.0, 0.0]]
    (gradient,) = torch.autograd.grad(code[0, 2], values)
    assert gradient.tolist() == [[0.0, -1.0, 1.0, 0.0]]


@pytest.mark.parametrize("learn", [learn_pca, learn_nmf, learn_kmeans])
def test_the_same_seed_gives_the_same_directions(learn: object) -> None:
    rows, _ = sparse_product(rows=400)
    assert callable(learn)
    assert torch.equal(learn(rows, 3, 7).decoder, learn(rows, 3, 7).decoder)


def test_the_same_seed_gives_the_same_autoencoder() -> None:
    rows, _ = sparse_product(rows=400)
    first, second = (learn_sae(rows, 6, 5, active=2, steps=20) for _ in range(2))
    assert torch.equal(first.encoder, second.encoder)


def test_a_layer_of_zeros_has_no_factors() -> None:
    with pytest.raises(InvalidRequest, match="never above zero"):
        learn_nmf(np.zeros((10, 4), np.float32), 2, 0)


def test_measures_are_those_of_held_out_clips() -> None:
    rows, true = sparse_product(rows=1000)
    clips = np.repeat(np.arange(10), 100)
    sample = LayerSample(rows, clips, rows[:10], tuple("abcdefghij"), tuple("abcdefghij"), ())
    exact = Directions(torch.from_numpy(true), torch.zeros(5), torch.from_numpy(true), torch.zeros(12), kind="nnls")
    measures = measure_dictionary(exact, "nmf", sample, np.arange(8), np.array([8, 9]), 0)
    assert (measures.clips, measures.positions, measures.dead) == (2, 200, 0)
    assert measures.explained.value == pytest.approx(1, abs=1e-3)
    assert measures.explained.low <= measures.explained.value <= measures.explained.high
    assert 0.1 < measures.random_explained < 0.9
    assert measures.active < 4, "40 % of five, and what iterations leave above zero"
    deviation = rows[:800].var(0)
    kept = np.argsort(-deviation)[:5]
    centered = rows[800:] - rows[:800].mean(0)
    by_hand = (centered[:, kept] ** 2).sum() / (centered**2).sum()
    assert measures.channels_explained == pytest.approx(float(by_hand), rel=1e-4)
