"""Files that mean harm, as somebody could upload them: each with a function that writes it and the right refusal."""

import gzip
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

NO_VIDEO = "damaged, or not a video"
NO_SIZE = "does not say how large its frames are"
NO_FILE = "is no file but a folder, a pipe or a device"


@dataclass(frozen=True)
class HostileFile:
    """A file that `write` makes at a path, and a regular expression of the refusal; None where it is read as a clip."""

    name: str
    write: Callable[[Path], object]
    words: str | None


def data(content: bytes | str) -> Callable[[Path], object]:
    """Return a function that writes this content."""
    return lambda path: path.write_bytes(content if isinstance(content, bytes) else content.encode())


def sparse(size: int, head: bytes = b"") -> Callable[[Path], None]:
    """Return a function that writes a file of zeros after `head`, which takes no room on the disk."""

    def write(path: Path) -> None:
        path.write_bytes(head)
        os.truncate(path, size)

    return write


def box(kind: str, *content: bytes) -> bytes:
    """Return a box (atom) of an MP4."""
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind.encode()) + body


FTYP = box("ftyp", b"isom\0\0\2\0isomiso2mp41")


def gif(width: int, height: int) -> bytes:
    """Return a GIF of one frame that states a size and has almost no data."""
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return b"GIF89a" + screen + b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\x00\x3b"


def jpeg(width: int = 16, height: int = 16) -> bytes:
    """Return a grey JPEG of 16 x 16 pixels that states this size."""
    file = BytesIO()
    Image.new("RGB", (16, 16), "grey").save(file, "jpeg")
    made = file.getvalue()
    at = made.index(b"\xff\xc0") + 5
    return made[:at] + struct.pack(">HH", height, width) + made[at + 4 :]


def jpeg_mp4(frames: int, width: int = 16, height: int = 16) -> bytes:
    """Return an MP4 in which every frame is the same JPEG, four bytes a frame, at 4,000 frames a second."""
    picture = jpeg(width, height)
    entry = box(
        "jpeg",
        bytes(6) + b"\0\1" + bytes(16) + struct.pack(">HHIIIH", width, height, 72 << 16, 72 << 16, 0, 1),
        bytes(32) + struct.pack(">Hh", 24, -1),
    )
    first = len(FTYP) + 8
    tables = [
        box("stsd", struct.pack(">II", 0, 1) + entry),
        box("stts", struct.pack(">IIII", 0, 1, frames, 1)),
        box("stsc", struct.pack(">IIIII", 0, 1, 1, 1, 1)),
        box("stsz", struct.pack(">III", 0, len(picture), frames)),
        box("stco", struct.pack(">II", 0, frames) + struct.pack(">I", first) * frames),
    ]
    media = box(
        "mdia",
        box("mdhd", struct.pack(">IIIIIHH", 0, 0, 0, 4000, frames, 0x55C4, 0)),
        box("hdlr", struct.pack(">I4s4s", 0, b"mhlr", b"vide") + bytes(13)),
        box("minf", box("vmhd", struct.pack(">IQ", 1, 0)), box("stbl", *tables)),
    )
    matrix = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    track = struct.pack(">IIIIII", 7, 0, 0, 1, 0, frames) + bytes(16) + matrix
    track += struct.pack(">II", width << 16 & 0xFFFFFFFF, height << 16 & 0xFFFFFFFF)
    movie = struct.pack(">IIIII", 0, 0, 0, 4000, frames) + struct.pack(">IHxx8x", 1 << 16, 1 << 8) + matrix
    return (
        FTYP
        + box("mdat", picture)
        + box("moov", box("mvhd", movie + bytes(24) + struct.pack(">I", 2)), box("trak", box("tkhd", track), media))
    )


def jpeg_avi(frames: int, width: int = 16, height: int = 16) -> bytes:
    """Return an AVI in which every frame is the same JPEG, stored again and again."""
    picture = jpeg(width, height)
    picture += bytes(len(picture) % 2)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return kind + struct.pack("<I", len(content)) + content

    header = struct.pack("<14I", 40_000, 0, 0, 0x10, frames, 0, 1, 0, width, height, 0, 0, 0, 0)
    stream = b"vidsMJPG" + struct.pack("<10I4H", 0, 0, 0, 1, 25, 0, frames, 0, 0, 0, 0, 0, 0, 0)
    form = struct.pack("<IIIHH4s5I", 40, width, height, 1, 24, b"MJPG", 0, 0, 0, 0, 0)
    streams = chunk(b"LIST", b"strl" + chunk(b"strh", stream) + chunk(b"strf", form))
    body = b"AVI " + chunk(b"LIST", b"hdrl" + chunk(b"avih", header) + streams)
    return chunk(b"RIFF", body + chunk(b"LIST", b"movi" + chunk(b"00dc", picture) * frames))


def element(number: int, content: bytes) -> bytes:
    """Return an element of EBML, the format of Matroska and WebM."""
    size = len(content) | 1 << 56
    return number.to_bytes((number.bit_length() + 7) // 8, "big") + size.to_bytes(8, "big") + content


def matroska(width: int, height: int, codec: bytes, packet: bytes, kind: bytes = b"matroska") -> bytes:
    """Return a Matroska or WebM file of one packet that states this size."""
    head = element(0x1A45DFA3, element(0x4282, kind) + element(0x4287, b"\4") + element(0x4285, b"\2"))
    size = element(0xE0, element(0xB0, struct.pack(">I", width)) + element(0xBA, struct.pack(">I", height)))
    track = element(0xD7, b"\1") + element(0x73C5, b"\1") + element(0x83, b"\1") + element(0x86, codec) + size
    cluster = element(0x1F43B675, element(0xE7, b"\0") + element(0xA3, b"\x81\0\0\x80" + packet))
    return head + element(0x18538067, element(0x1654AE6B, element(0xAE, track)) + cluster)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *more: bytes) -> bytes:
    """Return a PNG whose rows are all black, compressed to almost nothing."""
    rows = zlib.compress(bytes((width + 1) * min(height, 1000)), 9)
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")


def compressed_moov(size: int) -> bytes:
    """Return a QuickTime file whose index is compressed, from `size` bytes of zeros."""
    packed = struct.pack(">I", size) + zlib.compress(bytes(size), 9)
    return FTYP + box("moov", box("cmov", box("dcom", b"zlib"), box("cmvd", packed)))


def nested(depth: int) -> bytes:
    """Return an MP4 of boxes within boxes."""
    head = b"".join(struct.pack(">I4s", 8 * (depth - level), b"trak") for level in range(depth))
    return FTYP + box("moov", head)


def vp8_key_frame(width: int, height: int) -> bytes:
    return b"\x10\x02\x00\x9d\x01\x2a" + struct.pack("<HH", width, height) + bytes(40)


HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{address}\n#EXT-X-ENDLIST\n"
SDP = (
    "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n"
)


def hostile_files(port: int) -> list[HostileFile]:
    """Return the files; those that name an address of the network name a port of this machine."""
    endless = png_chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))
    address = f"http://127.0.0.1:{port}/secret.mp4"
    return [
        HostileFile("page.gif", data("GIF89a/*<html><script>alert(1)</script></html>*/"), NO_SIZE),
        HostileFile("script.mp4", data(FTYP + b"<html><script>alert(1)</script></html>"), NO_VIDEO),
        HostileFile("text.mp4", data("This is no video.\n" * 1000), NO_VIDEO),
        HostileFile("hls.mp4", data(HLS.format(address="/etc/passwd")), NO_VIDEO),
        HostileFile("hls.m3u8", data(HLS.format(address=address)), NO_VIDEO),
        HostileFile("concat.mp4", data("ffconcat version 1.0\nfile /etc/passwd\n"), NO_VIDEO),
        HostileFile("concat.ffconcat", data(f"ffconcat version 1.0\nfile {address}\n"), NO_VIDEO),
        HostileFile("stream.sdp", data(SDP.format(port=port)), NO_VIDEO),
        HostileFile("list.mpd", data(f'<?xml version="1.0"?><MPD><BaseURL>{address}</BaseURL></MPD>'), NO_VIDEO),
        HostileFile("wide.gif", data(gif(65535, 1)), "65535 x 1: one side may be at most 16 times the other"),
        HostileFile("tall.gif", data(gif(1, 65535)), "1 x 65535: one side may be at most 16 times the other"),
        HostileFile("large.gif", data(gif(65535, 65535)), NO_SIZE),
        HostileFile("large.mp4", data(jpeg_mp4(10, 16000, 16000)), "16000 x 16000; 9,437,184 pixels"),
        HostileFile("large.avi", data(jpeg_avi(10, 16000, 16000)), "16000 x 16000; 9,437,184 pixels"),
        HostileFile("large.mkv", data(matroska(60000, 60000, b"V_MJPEG", jpeg())), None),
        HostileFile(
            "large.webm",
            data(matroska(16383, 16383, b"V_VP8", vp8_key_frame(16383, 16383), b"webm")),
            "16383 x 16383; 9,437,184 pixels",
        ),
        HostileFile("many.mp4", data(jpeg_mp4(21_000)), "more than 20,000 frames"),
        HostileFile("many.avi", data(jpeg_avi(20_000)), "longer than 600 seconds"),
        HostileFile("zeros.ts", sparse(100_000_000), NO_VIDEO),
        HostileFile("null.ts", data((b"\x47\x1f\xff\x10" + bytes(184)) * 20_000), NO_VIDEO),
        HostileFile("deep.mp4", data(nested(50_000)), "holds no video"),
        HostileFile("negative.mp4", data(FTYP + struct.pack(">I4sq", 1, b"moov", -8) + bytes(100)), NO_VIDEO),
        HostileFile(
            "huge_box.mp4", data(FTYP + struct.pack(">I4s", 0xFFFFFFFF, b"moov") + bytes(100)), "holds no video"
        ),
        HostileFile("index.mov", data(compressed_moov(400_000_000)), "needs more than 0.3 GB of memory"),
        HostileFile("gzip.mp4", data(gzip.compress(bytes(20_000_000))), NO_VIDEO),
        HostileFile("bomb.png", data(png(30000, 30000)), NO_VIDEO),
        HostileFile("bomb.apng", data(png(30000, 30000, endless)), NO_VIDEO),
        HostileFile("empty.mp4", data(b""), "is empty"),
        HostileFile("huge.mp4", sparse(300_000_000, FTYP), "300,000,000 bytes; 256,000,000 are taken"),
        HostileFile("folder.mp4", Path.mkdir, NO_FILE),
        HostileFile("pipe.mp4", os.mkfifo, NO_FILE),
        HostileFile("zero.mp4", lambda path: path.symlink_to("/dev/zero"), NO_FILE),
        HostileFile("loop.mp4", lambda path: path.symlink_to(path), "symbolic links"),
        HostileFile("broken.mp4", lambda path: path.symlink_to("nowhere"), "No such file"),
        HostileFile("missing\0.mp4", lambda path: None, "embedded null byte"),
        HostileFile(f"{'long' * 100}.mp4", lambda path: None, "File name too long"),
        HostileFile(os.fsdecode(b"caf\xe9.mp4"), data("text"), "caf\ufffd.mp4 is " + NO_VIDEO),
        HostileFile("\x1b[2J\n.mp4", data("text"), "\ufffd\\[2J\ufffd.mp4 is " + NO_VIDEO),
    ]
