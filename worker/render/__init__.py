"""Pictures and loops for the pages: of stimuli that the engine made, and of real clips.

Enter at `stimulus.render_stimulus` and `clips.render_clip`. Imports the contract and `worker.video`; knows no torch.
Read `flow_color.py` (flow as colours), `webp.py` (pixels as WebP), then `stimulus.py` and `clips.py`.
"""
