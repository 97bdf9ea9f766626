"""Dependencies of the endpoints: settings, the store, a session that reads or one that writes.

Those that compute nothing are coroutines, because FastAPI calls every plain function in a thread.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated

from fastapi import Depends, Request

from app.settings import Settings
from app.store import Session
from app.store.database.engine import Store
from app.web.admission import Admission
from app.web.events import Events


async def get_settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def get_store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


async def get_events(request: Request) -> Events:
    events: Events = request.app.state.events
    return events


async def get_base(request: Request) -> str:
    return base_address(request)


def base_address(request: Request) -> str:
    """Return the address people reach the dashboard at, without a path."""
    settings: Settings = request.app.state.settings
    return settings.public_url.rstrip("/") or str(request.base_url).rstrip("/")


async def get_admission(request: Request) -> Admission:
    admission: Admission = request.app.state.admission
    return admission


SettingsDep = Annotated[Settings, Depends(get_settings)]
StoreDep = Annotated[Store, Depends(get_store)]
EventsDep = Annotated[Events, Depends(get_events)]
AdmissionDep = Annotated[Admission, Depends(get_admission)]
Base = Annotated[str, Depends(get_base)]


async def wait_to_read(admission: AdmissionDep) -> AsyncIterator[None]:
    async with admission.readers.place():
        yield


async def wait_to_write(admission: AdmissionDep) -> AsyncIterator[None]:
    async with admission.writers.place():
        yield


async def get_session(
    store: StoreDep, place: Annotated[None, Depends(wait_to_read, scope="function")]
) -> AsyncIterator[Session]:
    with store.session() as session:  # neither opening it nor its end waits for the database
        yield session


def get_transaction(
    store: StoreDep, place: Annotated[None, Depends(wait_to_write, scope="function")]
) -> Iterator[Session]:
    with store.transaction() as session:
        yield session


# The scope ends a session before the answer is sent: what a client was told is committed.
Reading = Annotated[Session, Depends(get_session, scope="function")]
Writing = Annotated[Session, Depends(get_transaction, scope="function")]
