"""Measure the share of this machine's convolution peak that a step of the engine reaches, layer by layer of a VGG-16.

The peak is measured: the fastest of several single convolutions, forward and back to the input, in the same precision.
A step's work is counted from its convolutions as they run (2 operations a multiplication), forward and back.

    python -m benchmarks.roofline --layers conv4_3 conv5_3
"""

import argparse
from collections.abc import Callable
from time import perf_counter

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from app.contract.network import StreamName
from app.contract.recipe import Recipe
from benchmarks.vgg import LAYERS, PRECISIONS, machine, make_network, make_vgg
from worker.devices import device_of
from worker.maximize.canvas import Stimulus
from worker.maximize.from_recipe import make_function, make_model
from worker.maximize.objective_function import ObjectiveFunction


def fastest_run(work: Callable[[], object], repeats: int) -> float:
    """Return the seconds of the fastest of several runs, after one that does not count."""
    times = []
    for _ in range(repeats + 1):
        started = perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(perf_counter() - started)
    return min(times[1:])


def convolution_peak(dtype: torch.dtype, device: torch.device, repeats: int) -> float:
    """Return the operations a second of the fastest of several single convolutions, forward and back."""
    rates = []
    for channels, side, batch in ((128, 56, 8), (256, 28, 8), (512, 28, 4), (512, 14, 16)):
        x = torch.randn(batch, channels, side, side, device=device).to(dtype, memory_format=torch.channels_last)
        weight = torch.randn(channels, channels, 3, 3, device=device).to(dtype, memory_format=torch.channels_last)
        x.requires_grad_()

        def work(x: Tensor = x, weight: Tensor = weight) -> None:
            y = F.conv2d(x, weight, padding=1)
            torch.autograd.grad(y, x, torch.ones_like(y))

        rates.append(2 * 2 * 9 * channels**2 * side**2 * batch / fastest_run(work, repeats))
    return max(rates)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", nargs="+", default=LAYERS)
    parser.add_argument("--objectives", nargs="+", default=("center", "channel"))
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(machine())
    device = torch.device(options.device)
    vgg = make_vgg(None).requires_grad_(False)
    for name, dtype in PRECISIONS.items():
        network = make_network(vgg, dtype)
        network.module.to(device)
        peak = convolution_peak(dtype, device, options.repeats)
        print(f"{name}: convolution peak {peak / 1e9:,.0f} Gop/s")
        for layer in options.layers:
            for objective in options.objectives if layer.startswith("conv") else ("channel",):
                recipe = Recipe(objective=objective).resolved(network.card)
                model, _ = make_model(network, layer, recipe)
                function = make_function(network, layer, recipe, model, range(options.batch))
                canvas = model.canvases[StreamName.APPEARANCE]
                x = {StreamName.APPEARANCE: torch.randn(options.batch, *canvas.shape, device=device_of(vgg)) * 0.1}
                items = torch.arange(options.batch, device=device)

                def work(function: ObjectiveFunction = function, x: Stimulus = x, items: Tensor = items) -> None:
                    function.value_and_grad(x, None, items)

                with FlopCounterMode(display=False) as counter:
                    work()
                seconds = fastest_run(work, options.repeats)
                share = counter.get_total_flops() / seconds / peak
                milliseconds = 1e3 * seconds / options.batch
                print(f"  {layer:9} {objective:8} {milliseconds:9.2f} ms a unit and step  {share:6.1%} of the peak")


if __name__ == "__main__":
    main()
