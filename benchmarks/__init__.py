"""Scripts that measure the figures of README and docs, one for each figure; `--help` says what each of them takes.

They may import everything of app and worker; nothing imports them but tests. `vgg.py`, `appearance.py`, `in_keras.py`,
`clip_arguments.py`, `load_clients.py`, `kills_worker.py` and `postgres_server.py` serve
the others.
`catalog/` makes a catalogue of a million units and measures its pages; `architectures/` tries every library's networks.
"""
