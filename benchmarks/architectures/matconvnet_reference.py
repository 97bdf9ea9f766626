"""Run a network of MatConvNet in NumPy, by the formulas of its manual, block after block in MATLAB's layouts.

MATLAB is not here, so that this stands for it. It shares nothing with the loader that it checks: maps are H x W x C x N
with frames folded into N, the frame changing fastest, and every operator is a loop over the positions of its window.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]
Layer = Mapping[str, Any]  # name, type, inputs, outputs, params, block


def run(
    layers: Sequence[Layer], params: Mapping[str, Array], inputs: Mapping[str, Array], clips: int
) -> dict[str, Array]:
    """Return all variables of a network. `clips` is how many clips the N frames of an input are of."""
    values = dict(inputs)
    waiting = [layer for layer in layers if layer["type"] != "dagnn.Loss"]
    while waiting:  # the order in the file is not that of the computation
        layer = next(layer for layer in waiting if all(name in values for name in layer["inputs"]))
        waiting.remove(layer)
        xs = [values[name] for name in layer["inputs"]]
        weights = [params[name].astype(np.float64) for name in layer["params"]]
        values[layer["outputs"][0]] = apply(layer["type"], layer["block"], xs, weights, clips)
    return values


def apply(kind: str, block: Mapping[str, Any], xs: Sequence[Array], weights: Sequence[Array], clips: int) -> Array:
    """Return the output of one block."""
    x = xs[0]
    match kind.removeprefix("dagnn."):
        case "Conv":
            return convolve(x, weights, pairs(block["pad"]), block["stride"])
        case "ConvTime":
            return as_frames(convolve(as_times(x, clips), weights, pairs(block["pad"]), block["stride"]), x)
        case "Conv3D":
            return volume(x, clips, block, weights)
        case "Pooling":
            return pool(x, block["poolSize"], pairs(block["pad"]), block["stride"], block["method"])
        case "PoolTime":
            times = as_times(x, clips)
            sizes = [1, times.shape[1] if np.isinf(block["poolSize"][1]) else int(block["poolSize"][1])]
            return as_frames(pool(times, sizes, pairs(block["pad"]), block["stride"], block["method"]), x)
        case "Pooling3D":
            return volume(x, clips, block, None)
        case "ReLU":
            return np.where(x > 0, x, block.get("leak", 0) * x)
        case "BatchNorm":
            gain, offset, moments = weights
            mean, deviation = moments[:, 0], moments[:, 1]
            return (x - by_unit(mean)) / by_unit(deviation) * by_unit(gain.ravel()) + by_unit(offset.ravel())
        case "Scale":
            return x * by_unit(weights[0].ravel()) + by_unit(weights[1].ravel())
        case "Sum":
            return np.sum(xs, axis=0)  # type: ignore[no-any-return]
        case "Mul":
            return np.prod(xs, axis=0)  # type: ignore[no-any-return]
        case "Concat":
            return np.concatenate(xs, axis=2)
        case "LRN":
            return normalize(x, *block["param"])
        case "DropOut":
            return x
        case "SoftMax":
            exponentials = np.exp(x - x.max(2, keepdims=True))
            return exponentials / exponentials.sum(2, keepdims=True)  # type: ignore[no-any-return]
    raise ValueError(kind)


def by_unit(values: Array) -> Array:
    return values[None, None, :, None]


def pairs(pad: Sequence[int]) -> list[tuple[int, int]]:
    """Return top and bottom, left and right, and first and last as pairs."""
    return list(zip(pad[::2], pad[1::2], strict=True))


def convolve(x: Array, weights: Sequence[Array], pad: Sequence[tuple[int, int]], stride: Sequence[int]) -> Array:
    """Return b + sum over i, j, d of f[i, j, d, k] x[i + s i', j + s j', d], for each group of units."""
    filters = weights[0].reshape(*weights[0].shape, *[1] * (4 - weights[0].ndim))
    x = np.pad(x, (*pad, (0, 0), (0, 0)))
    kernel_height, kernel_width, depth, units = filters.shape
    height = (x.shape[0] - kernel_height) // stride[0] + 1
    width = (x.shape[1] - kernel_width) // stride[1] + 1
    groups = x.shape[2] // depth
    y = np.zeros((height, width, units, x.shape[3]))
    for group in range(groups):
        ins, outs = (
            slice(group * depth, (group + 1) * depth),
            slice(group * units // groups, (group + 1) * units // groups),
        )
        for i in range(kernel_height):
            for j in range(kernel_width):
                seen = x[i : i + stride[0] * height : stride[0], j : j + stride[1] * width : stride[1], ins]
                y[:, :, outs] += np.einsum("hwdn,dk->hwkn", seen, filters[i, j, :, outs])
    return y + by_unit(weights[1].ravel()) if len(weights) > 1 else y


def pool(x: Array, sizes: Sequence[int], pad: Sequence[tuple[int, int]], stride: Sequence[int], method: str) -> Array:
    """Return maximum or mean of each window, cropped to the map."""
    (top, bottom), (left, right) = pad
    height = (x.shape[0] + top + bottom - sizes[0]) // stride[0] + 1
    width = (x.shape[1] + left + right - sizes[1]) // stride[1] + 1
    y = np.zeros((height, width, *x.shape[2:]))
    for i in range(height):
        for j in range(width):
            row, column = i * stride[0] - top, j * stride[1] - left
            window = x[max(row, 0) : row + sizes[0], max(column, 0) : column + sizes[1]]
            y[i, j] = window.max((0, 1)) if method == "max" else window.mean((0, 1))
    return y


def as_times(x: Array, clips: int) -> Array:
    """Return frames H x W x C x (T B) as positions x T x C x B, as the blocks along time see them."""
    height, width, units, count = x.shape
    # MATLAB counts the first axis fastest, and so does order F
    split = x.reshape((height * width, units, count // clips, clips), order="F")
    return split.transpose(0, 2, 1, 3)


def as_frames(y: Array, like: Array) -> Array:
    """Return positions x T x C x B as frames again, as high and wide as others."""
    _, times, units, clips = y.shape
    return y.transpose(0, 2, 1, 3).reshape((*like.shape[:2], units, times * clips), order="F")


def volume(x: Array, clips: int, block: Mapping[str, Any], weights: Sequence[Array] | None) -> Array:
    """Return a convolution (with weights) or the maximum (without) over height, width and time."""
    height, width, units, count = x.shape
    x = x.reshape((height, width, units, count // clips, clips), order="F").transpose(0, 1, 3, 2, 4)
    sizes = weights[0].shape[:3] if weights is not None else [int(size) for size in block["poolSize"]]
    x = np.pad(x, (*pairs(block["pad"]), (0, 0), (0, 0)), constant_values=0 if weights is not None else -np.inf)
    stride = block["stride"]
    h, w, t = ((x.shape[axis] - sizes[axis]) // stride[axis] + 1 for axis in range(3))
    y = np.full((h, w, t, weights[0].shape[4] if weights is not None else units, clips), 0.0 if weights else -np.inf)
    for i in range(sizes[0]):
        for j in range(sizes[1]):
            for k in range(sizes[2]):
                rows, columns = slice(i, i + stride[0] * h, stride[0]), slice(j, j + stride[1] * w, stride[1])
                seen = x[rows, columns, k : k + stride[2] * t : stride[2]]
                if weights is not None:
                    y += np.einsum("hwtdn,dk->hwtkn", seen, weights[0][i, j, k])
                else:
                    y = np.maximum(y, seen)
    if weights is not None:
        y += weights[1].ravel()[None, None, None, :, None]
    return y.transpose(0, 1, 3, 2, 4).reshape((h, w, y.shape[3], t * clips), order="F")


def normalize(x: Array, window: float, kappa: float, alpha: float, beta: float) -> Array:
    """Return x / (kappa + alpha * sum of squares of the units around) ** beta."""
    y = np.empty_like(x)
    units = x.shape[2]
    for k in range(units):
        first, last = max(0, k - int(np.floor((window - 1) / 2))), min(units - 1, k + int(np.ceil((window - 1) / 2)))
        y[:, :, k] = x[:, :, k] / (kappa + alpha * np.square(x[:, :, first : last + 1]).sum(2)) ** beta
    return y
