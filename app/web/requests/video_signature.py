"""Tells files that may be videos from those that cannot, by their first bytes: the web process decodes nothing."""

SIGNATURE_BYTES = 400  # from the start of a file, of which `may_be_video` needs no more
MAX_FILE_NAME_LENGTH = 100  # characters
QUICKTIME_ATOMS = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"udta", b"jP  ")  # of MP4 too


def may_be_video(head: bytes) -> bool:
    """Return whether a file begins as one of the containers do that workers open (worker/video/containers.py).

    They are AVI, MP4 and QuickTime, Matroska and WebM, GIF, MPEG, transport streams, Flash, Ogg and ASF. An elementary
    stream of MPEG, which has no container, is none of them.
    """
    return (
        (head[:4] == b"RIFF" and head[8:12] == b"AVI ")
        or head[4:8] in QUICKTIME_ATOMS
        or head.startswith((b"\x1a\x45\xdf\xa3", b"GIF8", b"\x00\x00\x01\xba", b"FLV\x01"))
        or head.startswith((b"OggS", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"))
        or any(head[first : first + 1] == b"\x47" == head[first + size :][:1] for first, size in ((0, 188), (4, 192)))
    )


def safe_file_name(file_name: str) -> str:
    """Return the name of an uploaded file without folders and unprintable characters, or `clip` if nothing is left."""
    last = file_name.replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable()).strip()[:MAX_FILE_NAME_LENGTH] or "clip"
