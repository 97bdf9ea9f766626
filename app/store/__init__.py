"""All persistence. SQLAlchemy lives here and nowhere else; who needs the type of a session takes it from here."""

from sqlalchemy.orm import Session as Session
