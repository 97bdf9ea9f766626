"""`python -m worker.cli` is `kinetoscope-worker`."""

from worker.cli.main import main

main()
