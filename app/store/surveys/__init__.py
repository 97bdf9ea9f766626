"""Surveys: evidence on networks, their units and classes from whole data sets, and explanations of single clips.

Enter by `evidence.get_survey` and `evidence.get_evidence`; workers write with `writing`.
May import `app.contract`, `app.analysis`, and every other room of the store.
Read in this order: writing.py, evidence.py, predictions.py, classes.py, confusions.py, findings.py, explanations.py.
"""
