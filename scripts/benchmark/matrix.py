"""Which works are done on which files: those that say something there."""

from __future__ import annotations

STEPS, QUICK_STEPS = 60, 4
QUICK_SECONDS = 3.0

GOP250_1080P, GOP30_720P, H264_2160P = "h264-1080p-gop250.mp4", "h264-720p-gop30.mp4", "h264-2160p.mp4"
H265_1080P, VP9_720P, AV1_720P = "h265-1080p.mp4", "vp9-720p.webm", "av1-720p.mkv"
MINUTE, HOURS, HOURS_MKV = "1-minute.mp4", "3-hours.mp4", "3-hours.mkv"
FLIES, MOUSE = "flies_120s.mp4", "m3v1mp4.mp4"
LABORATORY = (FLIES, MOUSE)

MATRIX: dict[str, tuple[str, ...]] = {
    GOP250_1080P: (
        *("open", "random-cold", "random", "back", "neighbour", "scrub", "every-30th", "same", "same-shared"),
        *("forward", "reverse", "memory"),
    ),
    GOP30_720P: ("random-cold", "back", "every-30th", "forward", "reverse", "batch", "four"),
    H264_2160P: ("random-cold", "forward", "memory"),
    H265_1080P: ("random-cold", "forward"),
    VP9_720P: ("random-cold", "back", "forward"),
    AV1_720P: ("random-cold", "forward"),
    MINUTE: ("open", "open-index", "random-cold"),
    HOURS: ("open", "open-index", "open-again", "random-cold"),
    HOURS_MKV: ("open", "open-index", "open-again"),
    FLIES: ("open", "random-cold", "back", "scrub", "every-30th", "forward", "batch", "memory"),
    MOUSE: ("open", "random-cold", "back", "scrub", "forward"),
}
QUICK: dict[str, tuple[str, ...]] = {
    GOP250_1080P: ("random-cold", "back", "same", "same-shared", "forward", "memory"),
    GOP30_720P: ("random-cold", "back", "every-30th", "forward", "four"),
    HOURS: ("open", "open-index", "open-again"),
    HOURS_MKV: ("open", "open-index", "open-again"),
    FLIES: ("scrub",),
}


def takes_part(reader: str, file: str, work: str) -> bool:
    """Whether a reader says something there: torchcodec's approximate mode opens otherwise, and decodes as the exact one."""
    return reader != "torchcodec-approximate" or file == GOP30_720P or work.startswith("open")
