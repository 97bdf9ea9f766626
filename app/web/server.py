"""Serves the application: uvicorn with limits that hold against slow, silent and too many clients."""

import gc
import logging
import resource
import sys

import uvicorn
from fastapi import FastAPI

from app.web.connections import Connection
from app.web.log_filter import OncePerMinute

MAX_CONNECTIONS = 2000
MAX_BACKLOG = 1024  # connections that the system accepts for us before we look
OPEN_FILES_WANTED = 8192
KEEP_ALIVE_SECONDS = 10
SWITCH_SECONDS = (
    0.0005  # for which a thread computes before the one that speaks to clients has its turn; 0.005 is usual
)


def serve(app: FastAPI, *, host: str, port: int) -> None:
    """Serve until a stop signal."""
    open_files = raise_open_files(OPEN_FILES_WANTED)
    configure_log()
    tune_garbage_collection()
    sys.setswitchinterval(SWITCH_SECONDS)
    uvicorn.run(
        app,
        host=host,
        port=port,
        http=Connection,
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        # Connections, those about to be accepted, and the files of the database share the open files.
        limit_concurrency=min(MAX_CONNECTIONS, open_files * 5 // 8),
        backlog=min(MAX_BACKLOG, open_files // 8),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=3,
    )


def raise_open_files(wanted: int) -> int:
    """Raise the process's limit on open files to `wanted`, or as far as the system allows; return the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        return allowed
    return wanted if soft == resource.RLIM_INFINITY else soft


def configure_log() -> None:
    """Write warnings of all libraries to standard error, repeated ones once a minute."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    handler.addFilter(OncePerMinute())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def tune_garbage_collection() -> None:
    """Exempt what is loaded by now from garbage collection, and collect more rarely.

    Looking through all modules again and again would hold up one page of a hundred for a tenth of a second; what a
    page makes is freed when it is sent, without a collection.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
