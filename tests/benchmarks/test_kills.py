"""The benchmark of kills, made small: real workers and a real web server are killed at random."""

from benchmarks.kills import Plan, measure_on_sqlite


def test_kills_cost_nobody_a_job() -> None:
    plan = Plan(jobs=20, kills=2, web_kills=1, outage=0.5, seconds_per_job=0.1, seconds_between_kills=0.5, lease=1)
    outcome = measure_on_sqlite(plan)
    assert outcome.is_good, outcome
    assert outcome.claims > plan.jobs  # kills did hit workers that computed
