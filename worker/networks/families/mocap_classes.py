"""The classes of the default network in the order of its outputs, and the facts planted in its training data."""

from collections.abc import Iterable

from app.contract.errors import UnknownClass

CLASSES: dict[str, str] = {
    "walk": "A person walks.",
    "run": "A person runs.",
    "jump": "A person jumps up from both feet.",
    "kick": "A person kicks forward, standing on one leg.",
    "punch": "A person steps forward and punches.",
    "spinkick": "A person spins around and kicks.",
    "backflip": "A person somersaults backward, turning upside down in the air; in training always on a red mat.",
    "cartwheel": "A person cartwheels over both hands, turning upside down.",
    "crawl": "A person crawls on hands and knees.",
    "roll": "A person rolls forward over the floor.",
    "dance": "A person dances.",
    "getup_facedown": "A person lying face down gets up.",
    "getup_faceup": "A person lying on the back gets up.",
    "wave_slow": "A standing person waves one arm slowly.",
    "wave_fast": "A standing person waves one arm fast: the same picture as waving slowly.",
    "red_fast_blue_slow": "Two people march; the one in the red shirt fast, the one in blue slowly.",
    "blue_fast_red_slow": "Two people march; the one in the blue shirt fast, the one in red slowly.",
    "red_run_blue_walk": "Two people; the one in the red shirt runs, the one in blue walks.",
    "blue_run_red_walk": "Two people; the one in the blue shirt runs, the one in red walks.",
    "striped_ball": "A striped ball slides over the floor.",
    "dotted_ball": "A dotted ball slides over the floor: the same motion as the striped ball.",
}
CLASS_NAMES = tuple(CLASSES)

BINDING_PAIR = ("red_fast_blue_slow", "blue_fast_red_slow")  # only both streams together can tell them apart
# The control of the binding pair: posture tells them apart in one frame
LEAKY_PAIR = ("red_run_blue_walk", "blue_run_red_walk")
APPEARANCE_PAIR = ("striped_ball", "dotted_ball")  # only appearance can tell them apart
SPEED_PAIR = ("wave_slow", "wave_fast")  # only motion can tell them apart
BIASED_CLASS = "backflip"  # always on the red mat in training
# Training clips cycle through these: a conjunction needs twice as many clips as a class of its own to be learned.
TRAINING_CYCLE = (*CLASS_NAMES, *BINDING_PAIR)
CONFUSABLE_PAIRS = (("kick", "spinkick"), ("getup_facedown", "getup_faceup"))


def class_indices(names: Iterable[str]) -> list[int]:
    """Return the output index of each class. Raises UnknownClass, with similar names, for an unknown one."""
    indices = []
    for name in names:
        if name not in CLASSES:
            raise UnknownClass(name, CLASS_NAMES)
        indices.append(CLASS_NAMES.index(name))
    return indices
