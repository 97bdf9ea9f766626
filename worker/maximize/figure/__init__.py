"""Activation maximization of a moving scene: a jointed figure on a floor, rendered as appearance and as flow.

Enter by `climb.climb`. Imports the engine's objective function, canvases and results, and no recipes.
Read skeleton, scene, projection, rendering, plausibility; then climb.
"""
