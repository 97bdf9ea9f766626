"""What a recipe leaves open, by network and objective, and what reproduces results from before a field came."""

from collections.abc import Mapping

# Fields that were added after the first results were stored, each with the value that reproduces those results.
LEGACY_VALUES: Mapping[str, object] = {
    "sign": "maximize",
    "position": None,
    "minus": None,
    "diversity": 0.0,
    "count": 1,
    "member": 0,
    "tolerance": 0.0,
    "bn_prior": 0.0,
    "frame_equalization": 0.0,
    "focus": 0.0,
    "center_bias": 0.0,
    "focus_map": "own",
    "start_clip": "",
    "start_keeps": "amplitude",
    "likeness": 1.0,
    "weight_decay_until": 0.75,
    "feature_statistics": "",
    "time_weight": 1.0,
    "time_path": "smoothed",
    "motion_size": None,
    "survey_maxima": "unrecorded",
}

# The values of fields that a recipe leaves open. A network with batch normalisation has others, because its
# statistics remember the training data. Those of `center` reach the same activation in the least time: docs/method.md
DEFAULTS: Mapping[str, object] = {
    "prior": "pixel",
    "steps": 72,
    "step_size": 0.17,
    "blur": 8.0,
    "bound": 1.0,
    "bn_prior": 0.0,
    "frame_equalization": 0.0,
    "focus": 0.0,
    "center_bias": 0.0,
    "time_path": "neutral",
}
BATCH_NORM_DEFAULTS: Mapping[str, object] = {
    **DEFAULTS,
    "prior": "pink",
    "step_size": 0.3,
    "bn_prior": 1.0,
    "frame_equalization": 1.0,
    "focus": 1.0,
    "center_bias": 1.0,
    "time_path": "smoothed",
}
CENTER_DEFAULTS: Mapping[str, object] = {**DEFAULTS, "steps": 36, "step_size": 0.3, "blur": 7.0, "bound": 1.5}
FIGURE_DEFAULTS: Mapping[str, object] = {**DEFAULTS, "steps": 40}  # of the prior `figure`, for every network
CLIP_DEFAULTS: Mapping[str, object] = {"steps": 36, "bound": 0.5}  # where `start_clip` names a clip, beside the others
TIME_WEIGHTS: Mapping[str, float] = {"smoothed": 1.0, "neutral": 200.0}  # `time_weight` by `time_path`: docs/method.md
