"""Naming by people: sessions, their trials, and the answers.

Enter by `sessions.create_session`, `trials.answer_trial` and `records.read_records`.
May import `app.contract`, `app.analysis`, and of the store `database`, `catalog` and `results`.
Read in this order: sessions.py, trials.py, records.py.
"""
