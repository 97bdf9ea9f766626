"""The database: tables, the engine that opens it, sessions, and the helpers that every statement may need.

Enter by `engine.open_store`; all other rooms of the store take a `session.Session` from it.
May import `app.contract`, `app.settings` and SQLAlchemy, and no other room of the store.
Read in this order: tables.py, survey_tables.py, upload_tables.py, dictionary_tables.py, naming_tables.py, session.py,
engine.py, then the helpers.
"""
