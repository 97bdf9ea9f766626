"""Repairs: which changes of a clip take errors away or cause them, and what in the picture the errors have in common.

Start with `study.py` (`measure_repairs`): it chooses classes and clips, and counts. It may import what its parent may.
Reading order: proportions (intervals), picture_blocks, picture_contrast, patch_words (finding and naming a patch),
changes (changed clips), chosen_clips, outcomes, study, patch_units.
"""
