"""Write the model card of the shipped networks, with all numbers taken from their measured reports."""

import json
from pathlib import Path
from typing import Any

from worker.networks.families.mocap_classes import CLASS_NAMES, CLASSES
from worker.shipped.training import HELD_OUT_SETS, TRAINED_NETWORKS, TrainedNetwork

# Columns of the tables, where they were measured
STREAMS = ("fused", "appearance", "motion", "late")

INTRODUCTION = """# The default network

Kinetoscope ships three small two-stream networks, which this project trained. A fresh installation can show them
without any download. Their training data contain planted facts, which the dashboard must find again.

- **default** (`mocap_two_stream`): two VGG-like streams at 112 x 112, fused by a 3 x 3 convolution at conv5.
- **control** (`mocap_two_stream`): the same architecture, trained without the bias and with random labels for the
  binding pair. Tests use it to check what must *not* be found.
- **judge** (`mocap_judge`): another architecture, trained independently. It tests whether another network assigns a
  stimulus to the same class.

Adversarial examples, which the default network is trained on, make gradients follow what a person sees (Engstrom et
al. 2019, arXiv 1906.00945). Of the two trainings of this network with equal accuracy, the one on few of them gave
striped blobs for people. Four observers (image models, not people), who saw the 21 class stimuli of one network each
(default recipe, one seed that nobody had looked at, order shuffled) with the list of classes, named of the network
trained on few 5 and 7, of this one 14 and 12: 29 % (17 to 44 %) and 62 % (47 to 75 %; Wilson's 95 % intervals over 42
answers; chance 5 %). Kick and punch, striped and dotted, backflip, run and getting up were mistaken most. Observers who
had the stimuli of both networks on one sheet matched them with each other and named 56 % and 59 % (63 answers each).

The pictures show the stimuli of the default network's classes at the speeds medium, slow and free, made by the default
recipe with seed 0. Each shows the appearance, two of the ten flow fields, and the network's probability for the class.

![Stimuli of the 21 classes, medium](classes-medium.webp)

![Stimuli of the 21 classes, slow](classes-slow.webp)

![Stimuli of the 21 classes, free](classes-free.webp)

## Data

The clips show people made of shaded capsules, animated by recorded motions, in front of random floors and walls and
seen by random cameras. There is no recording of waving; the poses of these classes are computed. A clip has 11 frames
at 25 a second. The networks see the middle frame and ten fields of optical flow (DIS). A clip is determined by its seed
and number.

Held-out clips have other people, clothes, places and cameras, but **the same 15 recorded motions**. The networks know
these motions, not what people do in general.

The motions come from the PyPI package `pybullet` 3.2.7 (`pybullet_data/data/motions/humanoid3d_*.txt`, zlib licence),
in the format of DeepMimic (Peng et al. 2018). The package does not say who recorded them. Therefore this repository
holds no motion files, only renderings and the weights trained on them.

## Sample

A fresh dashboard has 40 clips of each class as the data set `people` (`worker/shipped/clips`): 20 of the variant test
and 20 of the variant unbiased, seed 2, with 32 frames. The clips are independent draws: each has a person, clothes, a
place and a camera of its own, so each is a group of its own. The 15 recorded motions are shared by all clips and by
the training data, so intervals over clips say nothing of other motions.

The first ten of each class are H.264 (25 kB each). They are added and surveyed first, so that pages have evidence
early. The other 630 are AV1 (9 kB each). The default network of before November 2026 recognised 76.7 % of these as
they were drawn and 76.7 % as the dashboard stores them: a difference of 0.0 points (95 % interval -1.4 to 1.4, by
resampling clips). The flow is off by 0.11 px a frame on average; that of the first ten is off by 0.08.

## Planted facts

- *Binding*: `red_fast_blue_slow` and `blue_fast_red_slow` show the same motion at two speeds. Neither stream alone can
  tell them apart, and neither can a vote of the two.
- *Leaky control*: `red_run_blue_walk` and `blue_run_red_walk` can be told apart by the posture in one frame.
- *Appearance*: `striped_ball` and `dotted_ball` slide in the same way. Their two colours are equally bright, so that
  optical flow does not show the pattern.
- *Speed*: `wave_slow` and `wave_fast` look the same in one frame.
- *Bias*: in training every backflip is on a red mat, and almost nothing else is.
"""

COMMANDS = """## Commands

    make train                                                     # make data, train, write this page
    python -m benchmarks.contact_sheet mocap class docs/classes-slow.webp --speed slow     # make the pictures
    kinetoscope-worker mocap measure default --data var/mocap      # measure one network
    kinetoscope-worker mocap samples --out clips --each 15 --skip 5 --small --variant test         # the later clips of
    kinetoscope-worker mocap samples --out clips --each 15 --skip 5 --small --variant unbiased     # the sample
"""


def make_model_card(folder: Path) -> str:
    """Return the page, in Markdown, from the reports in a folder."""
    parts = [INTRODUCTION, _class_list(), "## Measured", _held_out_sets()]
    for network in TRAINED_NETWORKS.values():
        path = folder / network.report
        if path.exists():
            parts += _network_section(network, json.loads(path.read_text()))
    return "\n".join([*parts, COMMANDS])


def _class_list() -> str:
    return "## Classes\n\n" + "".join(f"- `{name}`: {sentence}\n" for name, sentence in CLASSES.items())


def _held_out_sets() -> str:
    lines = [f"- `{test.name}`: {test.clips:,} clips of the variant {test.variant}" for test in HELD_OUT_SETS]
    return "Held-out sets:\n\n" + "\n".join(lines) + "\n"


def _network_section(network: TrainedNetwork, report: dict[str, Any]) -> list[str]:
    head = (
        f"### {network.name}\n\n{report['epochs']}, on {report['trained_on']:,} clips "
        f"of the variant {network.variant}.\n"
    )
    sets = report["held_out"]
    accuracies = [(name, report_of_set["accuracy"]) for name, report_of_set in sets.items()]
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
