"""The data sets: clips and their flow as arrays on disk, and held-out clips as video files.

Enter at `generate.make_dataset` and `samples.write_samples`. Imports `worker.mocap.scenes` and `worker.video`.
Read `shards.py` (the files), `generate.py` (what is in them), then `samples.py`.
"""
