"""The network families of this project, one file each; a family of your own looks the same.

Each file registers its families (`worker.networks.registry.register`): card first, then the builder. Families import
the registry, `Tap` and `worker.video.flow`, and each other's building blocks. Read `two_stream.py` first.
"""
