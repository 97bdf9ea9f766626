"""Video files and optical flow: from a file to RGB frames, from frames to flow, and from frames to an MP4.

Enter at `decode.read_clip`. Imports only the contract's errors; knows neither torch nor networks.
Read `decode.py`, then `flow.py`, then `encode.py`.
"""
