"""Repeated messages are held back, so that no client can fill the log."""

import logging

import pytest

from app.web.serving.log_filter import MAX_MESSAGES, OncePerMinute


def test_a_message_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    seconds = 0.0
    caplog.handler.addFilter(repeats := OncePerMinute(clock=lambda: seconds))
    log = logging.getLogger("test")
    try:
        for _ in range(1000):
            log.warning("%s is full", "the disk")
        log.warning("something else")
        assert caplog.messages == ["the disk is full", "something else"]
        seconds = 61.0
        log.warning("the disk is full")
        assert caplog.messages[2] == "the disk is full (and 999 times since it was last logged)"
        log.warning("the disk is full")
        assert len(caplog.messages) == 3
    finally:
        caplog.handler.removeFilter(repeats)


def test_it_remembers_a_bounded_number_of_messages() -> None:
    repeats = OncePerMinute()
    for number in range(3 * MAX_MESSAGES):
        assert repeats.filter(logging.LogRecord("n", logging.WARNING, "", 1, f"message {number}", (), None))
    assert len(repeats._passed_at) == MAX_MESSAGES
