"""Dependencies of the endpoints: settings, the store, and a session for reading or for writing.

Dependencies that only look something up are coroutines, because FastAPI runs plain functions in a thread.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated

from fastapi import Depends, Request

from app.settings import Settings
from app.store import Session
from app.store.database.engine import Store
from app.web.events import Events
from app.web.serving.admission import Admission


async def get_settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def get_store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


async def get_events(request: Request) -> Events:
    events: Events = request.app.state.events
    return events


async def get_base_address(request: Request) -> str:
    return base_address(request)


def base_address(request: Request) -> str:
    """Return the address at which people reach the dashboard, without a path."""
    settings: Settings = request.app.state.settings
    return settings.public_origin or str(request.base_url).rstrip("/")


async def get_admission(request: Request) -> Admission:
    admission: Admission = request.app.state.admission
    return admission


SettingsDep = Annotated[Settings, Depends(get_settings)]
StoreDep = Annotated[Store, Depends(get_store)]
EventsDep = Annotated[Events, Depends(get_events)]
AdmissionDep = Annotated[Admission, Depends(get_admission)]
BaseAddress = Annotated[str, Depends(get_base_address)]


async def wait_to_read(admission: AdmissionDep) -> AsyncIterator[None]:
    """Hold a reader's slot during the request."""
    async with admission.readers.slot():
        yield


async def wait_to_write(admission: AdmissionDep) -> AsyncIterator[None]:
    """Hold a writer's slot during the request."""
    async with admission.writers.slot():
        yield


async def get_session(
    store: StoreDep, slot: Annotated[None, Depends(wait_to_read, scope="function")]
) -> AsyncIterator[Session]:
    with store.session() as session:  # opening and closing it does not wait for the database
        yield session


def get_transaction(
    store: StoreDep, slot: Annotated[None, Depends(wait_to_write, scope="function")]
) -> Iterator[Session]:
    with store.transaction() as session:
        yield session


# With scope="function" the session ends before the answer is sent: an answer is only sent after its commit.
ReadSession = Annotated[Session, Depends(get_session, scope="function")]
WriteSession = Annotated[Session, Depends(get_transaction, scope="function")]
