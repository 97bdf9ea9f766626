"""Tell from a clip's name which clips are not independent of it: parts of one video, takes of one person.

Data sets that are made of longer videos say so in the names of their files. A list may say so in a column `group`,
which goes before the name.
"""

import re

RULES = (
    re.compile(r"^v_(?P<group>[A-Za-z]+_g\d+)_c\d+"),  # UCF101: clips of one group are of one video
    re.compile(r"^(?P<group>.+)_[a-z]_(?:cm|nm)_np\d_(?:fr|ri|le|ba)_(?:bad|med|goo)_\d+"),  # HMDB51: of one film
    re.compile(r"^(?P<group>person\d+)_[a-z]+_d\d"),  # KTH: of one person
    re.compile(r"^(?P<group>[A-Za-z0-9_-]{11})_\d{6}_\d{6}"),  # Kinetics: of one video
    re.compile(r"^(?P<group>.+)-pair-(?:base|static|dynamic|neither)"),  # one set of partners: see clip_pairs.py
)


def clip_group(name: str) -> str | None:
    """Return the name of the group that a clip belongs to, None where its name does not tell."""
    stem = name.rpartition("/")[2]
    for rule in RULES:
        found = rule.match(stem)
        if found is not None:
            return found["group"]
    return None
