"""Runs uvicorn with limits against slow clients and too many clients."""

import gc
import logging
import resource
import sys

import uvicorn
from fastapi import FastAPI

from app.web.serving.connections import Connection
from app.web.serving.log_filter import OncePerMinute

MAX_CONNECTIONS = 2000
MAX_BACKLOG = 1024  # connections that the operating system accepts before the server does
WANTED_OPEN_FILES = 8192
KEEP_ALIVE_SECONDS = 10
GRACEFUL_SHUTDOWN_SECONDS = 3
# How long a computing thread may keep the interpreter from the event loop; Python's default is 0.005.
THREAD_SWITCH_SECONDS = 0.0005


def serve(app: FastAPI, *, host: str, port: int, proxies: str) -> None:
    """Serve the application until a stop signal; `proxies` are those whose X-Forwarded-For is believed."""
    open_files = raise_open_files(WANTED_OPEN_FILES)
    configure_log()
    tune_garbage_collection()
    sys.setswitchinterval(THREAD_SWITCH_SECONDS)
    uvicorn.run(
        app,
        host=host,
        port=port,
        http=Connection,
        forwarded_allow_ips=proxies,
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        # The limit on open files covers connections, the backlog, and the files of the database.
        limit_concurrency=min(MAX_CONNECTIONS, open_files * 5 // 8),
        backlog=min(MAX_BACKLOG, open_files // 8),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_SECONDS,
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
    """Log warnings of all libraries to standard error, repeated ones once a minute."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    handler.addFilter(OncePerMinute())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def tune_garbage_collection() -> None:
    """Exempt the objects of all loaded modules from garbage collection, and collect less often.

    Otherwise one page in a hundred waits a tenth of a second for a collection that goes through all modules. The
    objects of a page need no collection: they are freed when the page is sent.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
