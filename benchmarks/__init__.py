"""Scripts that measure the figures of README and docs, one a figure; each has `--help` and prints its machine first."""
