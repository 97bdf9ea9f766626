"""Read from clips' names which of them are partners: clips of one set that share what is static, or what is dynamic.

`NAME-pair-ROLE` is the clip of a role in the set NAME: `base`; `static`, which shares with it how people and places
look; `dynamic`, which shares its motion; and `neither`, in the look of `dynamic` with the motion of `static`. The
worker's command `mocap pairs` renders such sets; a person can name files so.
"""

import re
from collections.abc import Sequence

from worker.evidence.clip_partners import Partner

BASE = "base"
PAIR_NAME = re.compile(r"^(?P<group>.+)-pair-(?P<role>base|static|dynamic|neither)$")
ROLES = (BASE, Partner.STATIC, Partner.DYNAMIC, Partner.NEITHER)

ClipSet = dict[str, int]  # the number of a clip by its role: all of ROLES


def pair_name(group: str, role: str) -> str:
    """Return the name of a clip of a set."""
    return f"{group}-pair-{role}"


def find_sets(names: Sequence[str]) -> list[ClipSet]:
    """Return the sets of which all four clips are among `names`; clips are given by their index, sets by name."""
    sets: dict[str, ClipSet] = {}
    for number, name in enumerate(names):
        stem = name.rpartition("/")[2].removesuffix(".mp4")
        if found := PAIR_NAME.match(stem):
            sets.setdefault(found["group"], {})[found["role"]] = number
    return [clips for _, clips in sorted(sets.items()) if len(clips) == len(ROLES)]
