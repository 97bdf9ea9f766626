"""The store: all persistence, and the only package that knows SQLAlchemy.

Enter by `database.engine.open_store`, whose sessions are the first argument of every function here.
`Session` is the type of these sessions for the web host and the worker.
May import `app.contract`, `app.analysis` and `app.settings`. Rooms, each importing those before it only: `database`,
`media`, `catalog`, `datasets` and `results`, `jobs` and `naming`, `surveys`. Read them in this order.
"""

from app.store.database.session import Session as Session
