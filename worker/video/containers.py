"""The containers that are opened, and the endings of their files: the one list of what counts as a video here."""

from pathlib import PurePath

# Formats by FFmpeg's names. Each holds its own frames: a play list could name other files of this machine.
ENDINGS_BY_FORMAT = {
    "avi": (".avi", ".divx"),
    "mov,mp4,m4a,3gp,3g2,mj2": (".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".f4v", ".mj2"),
    "matroska,webm": (".mkv", ".webm", ".mk3d"),
    "gif": (".gif",),
    "mpeg": (".mpg", ".mpeg", ".mpe", ".m2p", ".vob", ".mod"),
    "mpegts": (".ts", ".mts", ".m2ts", ".m2t", ".tod"),
    "flv": (".flv",),
    "ogg": (".ogg", ".ogv", ".ogm"),
    "asf": (".asf", ".wmv"),
}
ALLOWED_FORMATS = ",".join(ENDINGS_BY_FORMAT)
VIDEO_ENDINGS = frozenset(ending for endings in ENDINGS_BY_FORMAT.values() for ending in endings)


def is_video_name(name: str | PurePath) -> bool:
    """Return whether a file's name ends as that of a video, in capitals or not."""
    return PurePath(name).suffix.lower() in VIDEO_ENDINGS
