"""Show from a notebook what the units of any module have learned: docs/notebook.md has the five lines.

Enter by `trace`. It may import every room of the worker but the commands. Read `network.py`, `player.py`, `save.py`.
"""

from worker.notebook.network import NotebookNetwork, UnitStimulus, trace

__all__ = ["NotebookNetwork", "UnitStimulus", "trace"]
