"""What reading one clip may cost. `decode.py` checks what a file says of itself; `decoders.py` bounds the process."""

import stat
from dataclasses import dataclass
from pathlib import Path

from app.contract.errors import VideoError


@dataclass(frozen=True)
class DecodeLimits:
    """The most that reading one clip may take. The defaults are far above what clips of people need.

    docs/reliability.md has the measurements behind them.
    """

    file_bytes: int = 256_000_000
    pixels: int = 4096 * 2304  # of a frame
    aspect: float = 16  # the long side in short sides; 32:9 is 3.6, and scaling 65535 x 1 would need gigabytes
    seconds: float = 600
    frames: int = 150_000  # 600 seconds at 250 a second; a file of a few bytes a frame can hold millions
    memory_bytes: int = 1 << 30  # 4096 x 2304 needs 0.55 GB at most (H.264, 4:4:4, 10 bits, 16 reference frames)
    cpu_seconds: int = 120  # the same size takes 0.05 s a frame, and at most a few hundred frames are decoded
    wall_seconds: float = 300  # for slow disks and machines that do other work; a file may also not answer at all

    def check_file(self, path: Path) -> None:
        """Raise VideoError if a file is none (a folder, pipe or device), empty or too large, OSError if it is missing.

        The file is not opened: opening a pipe would wait for somebody who writes to it.
        """
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise VideoError(f"{path.name} is no file but a folder, a pipe or a device.")
        if found.st_size == 0:
            raise VideoError(f"The clip {path.name} is empty.")
        if found.st_size > self.file_bytes:
            raise VideoError(
                f"The clip {path.name} has {found.st_size:,} bytes; {self.file_bytes:,} are taken. Cut it shorter."
            )

    def check_frame(self, name: str, width: int, height: int) -> None:
        """Raise VideoError if frames of width x height pixels have none, too many, or are too narrow."""
        if width <= 0 or height <= 0:
            raise VideoError(f"The clip {name} is damaged: it does not say how large its frames are.")
        if width * height > self.pixels:
            raise VideoError(f"The clip {name} is {width} x {height}; {self.pixels:,} pixels a frame are taken.")
        if max(width, height) > self.aspect * min(width, height):
            raise VideoError(
                f"The clip {name} is {width} x {height}: one side may be at most {self.aspect:g} times the other."
            )

    def check_length(self, name: str, frames: int, seconds: float) -> None:
        """Raise VideoError if a clip is too long."""
        if seconds > self.seconds:
            raise VideoError(f"The clip {name} is longer than {self.seconds:g} seconds. Cut it shorter.")
        if frames > self.frames:
            raise VideoError(f"The clip {name} has more than {self.frames:,} frames. Cut it shorter.")

    def out_of_memory(self, name: str) -> VideoError:
        """Return the error of a clip for which the memory is not enough."""
        needed = f"{self.memory_bytes / 1e9:.2g} GB"
        return VideoError(f"The clip {name} needs more than {needed} of memory to decode. Scale it down.")

    def out_of_cpu_time(self, name: str) -> VideoError:
        """Return the error of a clip for which the processor time is not enough."""
        needed = f"{self.cpu_seconds} seconds of processor time"
        return VideoError(f"The clip {name} needs more than {needed} to decode. Cut it shorter, or scale it down.")

    def out_of_time(self, name: str) -> VideoError:
        """Return the error of a clip that was not decoded in time."""
        return VideoError(f"The clip {name} was not decoded within {self.wall_seconds:g} seconds. Cut it shorter.")


DEFAULT_LIMITS = DecodeLimits()
