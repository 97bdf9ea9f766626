"""Learn directions by scikit-learn: principal components, non-negative factors, and clusters. Rows are (n, C)."""

import warnings

import numpy as np
import torch
from torch import Tensor

from app.contract.errors import InvalidRequest
from worker.directions.activations import Rows
from worker.networks.dictionary import Directions

MAX_EXACT_ROWS = 20_000  # more are factorized in batches
MAX_EXACT_CHANNELS = 2048  # whose covariance is decomposed as a whole


def learn_pca(rows: Rows, size: int, seed: int) -> Directions:
    """Return the `size` principal components: code = V (a - mean), which has a sign."""
    from sklearn.decomposition import PCA

    exact = rows.shape[1] <= MAX_EXACT_CHANNELS
    fitted = PCA(size, svd_solver="covariance_eigh" if exact else "randomized", random_state=seed).fit(rows)
    components, mean = _tensor(fitted.components_), _tensor(fitted.mean_)
    return Directions(components, -components @ mean, components, mean)


def learn_nmf(rows: Rows, size: int, seed: int) -> Directions:
    """Return `size` non-negative factors of the rectified activations, each of length 1.

    The code is that of non-negative least squares. Many rows are factorized in batches, few by coordinate descent.
    Raises InvalidRequest for a layer that is zero everywhere.
    """
    from sklearn.decomposition import NMF, MiniBatchNMF

    positive = np.maximum(rows, 0)
    if not positive.any():
        raise InvalidRequest("The layer is never above zero on these clips: NMF has nothing to factorize. Use pca.")
    init = "nndsvda" if size <= min(rows.shape) else "random"
    model = (
        NMF(size, init=init, random_state=seed, max_iter=400, tol=1e-5)
        if len(rows) <= MAX_EXACT_ROWS
        else MiniBatchNMF(size, init=init, random_state=seed, batch_size=4096, max_iter=30)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of convergence: the measured error tells how good it is
        factors = _tensor(model.fit(positive).components_)
    factors = factors / factors.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return Directions(factors, torch.zeros(size), factors, torch.zeros(rows.shape[1]), kind="nnls")


def learn_kmeans(rows: Rows, size: int, seed: int) -> Directions:
    """Return `size` clusters: code = c.a - |c|^2 / 2, the largest for the nearest centroid c.

    It is positive where a is nearer to c than to zero, and c / |c|^2 is the smallest change of a that adds 1 to it.
    """
    from sklearn.cluster import MiniBatchKMeans

    model = MiniBatchKMeans(size, random_state=seed, batch_size=4096, n_init=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fewer distinct points than clusters: the measures tell
        centroids = _tensor(model.fit(rows).cluster_centers_)
    squares = centroids.square().sum(1)
    decoder = centroids / squares.clamp_min(1e-12)[:, None]
    return Directions(centroids, -squares / 2, decoder, torch.zeros(rows.shape[1]), kind="relu")


def _tensor(values: object) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32).copy())
