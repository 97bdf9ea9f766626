"""Video files and optical flow: from a file to RGB frames, from frames to flow, and from frames to an MP4.

Enter at `decoders.read_clip_in_child`, or at `decoders.ClipDecoders` for many files. Imports only the contract's
errors; knows neither torch nor networks. Read `decode.py` and what it is made of (`stream_choice.py`, `timeline.py`,
`frame_reader.py`, `picture.py`), `limits.py`, `decoders.py` and `decoder_process.py`, then `flow.py` and `encode.py`.
"""
