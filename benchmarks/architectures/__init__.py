"""Networks of other people's libraries, built small with random weights and saved as these libraries save them.

`CASES` has one of each architecture. Tests add, visualize and survey them; `python -m benchmarks.architectures` prints
the table of docs/architectures.md. Each module of this package builds those of one library.
"""

from benchmarks.architectures import c3d, matconvnet, mmaction, pytorchvideo_hub, torchvision_video, video_transformers
from benchmarks.architectures.case import Case

CASES: tuple[Case, ...] = (
    *video_transformers.CASES,
    *c3d.CASES,
    *mmaction.CASES,
    *matconvnet.CASES,
    *torchvision_video.CASES,
    *pytorchvideo_hub.CASES,
)
