"""Writes the model card of the shipped networks from the reports that measuring them left: no number by hand."""

import json
from pathlib import Path
from typing import Any

from worker.networks.families.mocap_classes import CLASS_NAMES, CLASSES
from worker.shipped.networks import HELD_OUT, SHIPPED, Shipped

STREAMS = ("fused", "appearance", "motion", "late")

ABOUT = """# The default network

Kinetoscope ships three small two-stream networks that it trained itself, so that a fresh machine has something real to
look at, with facts planted in the data that the dashboard must find again.

- **default** (`mocap_two_stream`): two VGG-like streams at 112 x 112, fused by a 3 x 3 convolution at conv5.
- **control** (`mocap_two_stream`): the same without the bias, and with the labels of the binding pair drawn by lot:
  for tests of what must *not* be found.
- **judge** (`mocap_judge`): another architecture, independently trained: does it see in a stimulus what we say?

The stimuli of its classes, medium, slow and free, by the default recipe with seed 0, and the network's own probability:
each is the appearance and two of ten flow fields.

![Stimuli of the 21 classes, medium](classes-medium.webp)

![Stimuli of the 21 classes, slow](classes-slow.webp)

![Stimuli of the 21 classes, free](classes-free.webp)

## Data

People of shaded capsules, driven by recorded motions, before random floors and walls, seen by random cameras. The
classes that wave are posed by us. Ten optical-flow fields (DIS) belong to the middle one of 11 frames at 25 a second.
A clip follows from its seed and number.

Held-out clips have other people, clothes, places and cameras; **the recorded motions are the same 15**. The networks
know these motions, not what people do in general.

The motions are those of the PyPI package `pybullet` 3.2.7 (`pybullet_data/data/motions/humanoid3d_*.txt`), whose
licence is zlib; they are in the format of DeepMimic (Peng et al. 2018). The package does not say who recorded each, so
no motion file is copied here: only renderings, and weights trained on them.

## Planted facts

- *Binding*: `red_fast_blue_slow` and `blue_fast_red_slow` show the same motion at two speeds. Neither stream alone can
  tell them apart, nor can the two by voting.
- *Leaky control*: in `red_run_blue_walk` and `blue_run_red_walk` posture gives it away in one frame.
- *Appearance*: `striped_ball` and `dotted_ball` slide alike, in two tones of one brightness: flow sees no pattern.
- *Speed*: `wave_slow` and `wave_fast` look alike in one frame.
- *Bias*: in training every backflip is on a red mat, and next to nothing else is.
"""

COMMANDS = """## Commands

    make train                                                     # data, the three networks, this page
    python -m benchmarks.contact_sheet mocap class docs/classes-slow.webp --speed slow     # the pictures
    kinetoscope-worker mocap measure default --data var/mocap      # the numbers of one network
"""


def model_card(folder: Path) -> str:
    """The page, from the reports and weights in the folder."""
    parts = [ABOUT, _classes(), "## Measured", _held_out()]
    for network in SHIPPED.values():
        path = folder / network.report
        if path.exists():
            parts += _network(network, json.loads(path.read_text()))
    return "\n".join([*parts, COMMANDS])


def _classes() -> str:
    return "## Classes\n\n" + "".join(f"- `{name}`: {sentence}\n" for name, sentence in CLASSES.items())


def _held_out() -> str:
    lines = [f"- `{test.name}`: {test.clips:,} clips of the variant {test.variant}" for test in HELD_OUT]
    return "Held-out sets:\n\n" + "\n".join(lines) + "\n"


def _network(network: Shipped, report: dict[str, Any]) -> list[str]:
    plan = network.plan
    head = (
        f"### {network.name}\n\n{plan.epochs} epochs, then {plan.robust_epochs or 'none'} on adversarial examples, on "
        f"{report['trained_on']:,} clips of the variant {network.variant}.\n"
    )
    sets = report["held_out"]
    accuracies = [(name, found["accuracy"]) for name, found in sets.items()]
    pairs = sets["pairs"]["forced_choice"]
    recall = sets["bias"]["recall_of_backflips"]
    by_class = [(name, sets["test"]["by_class"][name]) for name in CLASS_NAMES]
    return [
        head,
        _table("accuracy on", accuracies),
        _table("pair, forced choice", list(pairs.items())),
        f"Backflips recognised: {_percent(recall['mat'])} on the mat, {_percent(recall['bare'])} without it.\n",
        _table("recall on `test`", by_class),
    ]


def _table(title: str, rows: list[tuple[str, dict[str, float]]]) -> str:
    streams = [stream for stream in STREAMS if stream in rows[0][1]]
    lines = [f"| {title} | {' | '.join(streams)} |", "|---|" + "---:|" * len(streams)]
    lines += [f"| {name} | {' | '.join(_percent(values[stream]) for stream in streams)} |" for name, values in rows]
    return "\n".join(lines) + "\n"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
