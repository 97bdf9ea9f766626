import os
import shutil
import subprocess

import pytest

from app.settings import ROOT
from app.store.database.engine import PoolSizes

COMPOSE = shutil.which("docker-compose")


def test_the_page_on_servers_says_how_many_connections_a_process_opens() -> None:
    read, write = PoolSizes.readers, PoolSizes.writers
    said = f"at most {read + write} connections to PostgreSQL, {read} that read and {write} that write"
    assert said in (ROOT / "docs" / "server.md").read_text()


@pytest.mark.skipif(not COMPOSE, reason="docker-compose is not installed")
def test_compose_has_a_database_web_and_worker_with_health_checks() -> None:
    environment = os.environ | {"POSTGRES_PASSWORD": "secret"}
    command = ["docker-compose", "config"]
    config = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    for service in ("db:", "web:", "worker:"):
        assert f"\n  {service}\n" in config
    assert config.count("condition: service_healthy") == 2


@pytest.mark.skipif(not COMPOSE, reason="docker-compose is not installed")
def test_compose_refuses_to_start_without_a_password() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "POSTGRES_PASSWORD"}
    done = subprocess.run(["docker-compose", "config"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert "POSTGRES_PASSWORD" in done.stderr
