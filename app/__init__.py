"""Everything that a web host needs; it never imports torch or the worker.

Enter at `cli`. Rooms, each of which may import those after it: `cli`, `launch` and `web`, `store`, `analysis`,
`settings`, `contract`. The worker imports `store`, `settings`, `terminal` and `contract`. Read `contract` first.
"""
