"""Prints known errors of the commands of app and worker as one line on the standard error stream."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from app.contract.errors import KinetoscopeError

err = Console(stderr=True)

P = ParamSpec("P")
T = TypeVar("T")


def report_errors(command: Callable[P, T]) -> Callable[P, T]:
    """Make a known error end the command with its message and exit status 2, without a traceback."""

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except KinetoscopeError as error:
            err.print(f"[bold red]{error.kind}[/]: {escape(error.detail)}", highlight=False, soft_wrap=True)
            raise typer.Exit(2) from error

    return wrapper
