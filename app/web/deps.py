"""What an endpoint asks for: settings, the store, a session that reads or one that writes."""

import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request

from app.settings import Settings
from app.store import Session
from app.store.database.engine import Store
from app.web.admission import Admission
from app.web.events import Events

T = TypeVar("T")


def at_once(make: Callable[..., T]) -> Callable[..., Coroutine[Any, Any, T]]:
    """For what takes no time: each plain function that an endpoint asks for is called in a thread of its own."""

    async def made(**given: Any) -> T:
        return make(**given)

    made.__signature__ = inspect.signature(make)  # type: ignore[attr-defined]
    return made


def get_settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def get_store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


def get_events(request: Request) -> Events:
    events: Events = request.app.state.events
    return events


def get_base(request: Request) -> str:
    """The address people reach the dashboard at, without a path."""
    return get_settings(request).public_url.rstrip("/") or str(request.base_url).rstrip("/")


def get_admission(request: Request) -> Admission:
    admission: Admission = request.app.state.admission
    return admission


async def wait_to_read(request: Request) -> AsyncIterator[None]:
    async with get_admission(request).readers.place():
        yield


async def wait_to_write(request: Request) -> AsyncIterator[None]:
    async with get_admission(request).writers.place():
        yield


async def get_session(
    request: Request, place: Annotated[None, Depends(wait_to_read, scope="function")]
) -> AsyncIterator[Session]:
    # Neither opening it nor its end waits for the database.
    with get_store(request).session() as session:
        yield session


def get_transaction(
    request: Request, place: Annotated[None, Depends(wait_to_write, scope="function")]
) -> Iterator[Session]:
    with get_store(request).transaction() as session:
        yield session


SettingsDep = Annotated[Settings, Depends(at_once(get_settings))]
StoreDep = Annotated[Store, Depends(at_once(get_store))]
EventsDep = Annotated[Events, Depends(at_once(get_events))]
AdmissionDep = Annotated[Admission, Depends(at_once(get_admission))]
Base = Annotated[str, Depends(at_once(get_base))]

# The scope ends a session before the answer is sent: what a client was told is committed.
Reading = Annotated[Session, Depends(get_session, scope="function")]
Writing = Annotated[Session, Depends(get_transaction, scope="function")]
