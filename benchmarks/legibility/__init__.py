"""How legible class stimuli are, by judges that share neither rendering nor family with the network they are made for.

Enter at `__main__.py`; what the columns mean and what counts as failure is in docs/legibility.md. Read `judge.py`,
`pose_distance.py`, `pose_network.py`, `assets.py` (what is trained once and kept), `measures.py`, `__main__.py`.
"""
