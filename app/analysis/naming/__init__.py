"""Naming by people: which trials a session has, what free words mean, and the rates that answers come to.

Enter at `plan.plan_trials`, `words.match_words` and `rates.make_report`, which stand alone. May import `app.contract`.
"""
