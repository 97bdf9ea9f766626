"""Surveys: the clips of a data set through a network, from video files on disk to the evidence of every unit.

Start with `run.py` (SurveyRun). Before a survey, `dataset_files.py` lists videos and `intake.py` stores them as clips.
It may import worker.evidence and all below it, app.store and app.contract.
Reading order: video_files, class_folders, list_files, dataset_files, clip_names, intake.
Then stored_inputs, prefetch, stages, recording, context, parts/part, run.
"""
