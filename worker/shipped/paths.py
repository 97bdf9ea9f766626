"""Where the shipped files are. Importing this costs nothing, unlike `training`, which imports torch."""

from pathlib import Path

WEIGHTS_FOLDER = Path(__file__).resolve().parent / "weights"
BUNDLE = Path(__file__).resolve().parent / "results.bundle"  # of what a fresh dashboard would have to compute
CLIPS_FOLDER = Path(__file__).resolve().parent / "clips"  # with one folder for each class
