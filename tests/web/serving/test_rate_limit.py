from app.web.serving.rate_limit import RateLimit


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_client_may_do_so_much_a_minute_and_is_told_how_long_to_wait() -> None:
    clock = Clock()
    limit = RateLimit(6, clock=clock)
    assert [limit.take("a") for _ in range(6)] == [0] * 6
    assert limit.take("a") == 10
    assert limit.take("b") == 0
    clock.now += 4
    assert limit.take("a") == 6  # asking too often does not make the wait longer
    clock.now += 6
    assert (limit.take("a"), limit.take("a")) == (0, 10)
    clock.now += 3600
    assert [limit.take("a") > 0 for _ in range(7)] == [False] * 6 + [True]


def test_asking_how_long_to_wait_is_not_counted() -> None:
    limit = RateLimit(1, clock=Clock())
    assert [limit.take("a", times=0), limit.take("a", times=0), limit.take("a"), limit.take("a", times=0)] == [
        0,
        0,
        0,
        60,
    ]


def test_clients_that_were_not_seen_for_the_longest_time_are_forgotten() -> None:
    limit = RateLimit(1, max_clients=2, clock=Clock())
    for client in ("a", "b", "a", "c"):  # b was not seen for the longest time
        limit.take(client)
    assert limit.take("a") > 0
    assert limit.take("b") == 0


def test_no_limit() -> None:
    limit = RateLimit(0)
    assert {limit.take("a") for _ in range(1000)} == {0}
