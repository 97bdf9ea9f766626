"""Surveys: what a data set showed of a network, its units and its classes, and explanations of single clips.

Enter by `evidence.get_survey` and `evidence.get_evidence`; workers write with `writing`.
May import `app.contract`, `app.analysis`, and every other room of the store.
Read in this order: writing.py, evidence.py, predictions.py, classes.py, confusions.py, findings.py, explanations.py.
"""
