"""The parameters that commands share: how they are written, read and explained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from framecache.errors import BadArgumentError, FramecacheError
from framecache.export import IMAGE_FORMATS, format_of
from framecache.notation import Moment, Number, parse_bytes, parse_frames, parse_place, parse_size, parse_times
from framecache.reader import VideoReader
from framecache.server.policy import as_host, as_origin

Value = TypeVar("Value")


def _read(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    """`parse` as Typer wants it: what cannot be read is wrong usage."""

    def read(text: Any) -> Value:
        try:
            return parse(str(text))
        except FramecacheError as error:
            raise typer.BadParameter(str(error)) from error

    return read


def _parse_path(text: str) -> Path:
    if not text:
        raise BadArgumentError("a name is needed here, and none was given")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise BadArgumentError(f"{text!r} begins with the home of a user that there is not") from error


def _parse_image_path(text: str) -> Path:
    format_of(text)
    return _parse_path(text)


def _parse_csv_path(text: str) -> Path:
    if not text.lower().endswith(".csv"):
        raise BadArgumentError(f"{text!r} does not end in .csv")
    return _parse_path(text)


def _parse_video(text: str) -> str:
    if text.startswith("--"):
        # As in _parse_place: a video of such a name is given as ./--name.
        raise BadArgumentError(f"there is no option {text}")
    return text


def _parse_place(text: str) -> Number | Moment:
    if text.startswith("-") and not text[1:2].isdigit():
        # Negative indices are let through as arguments, and with them what was meant for an option.
        raise BadArgumentError(f"there is no option {text}")
    return parse_place(text)


def _parse_format(text: str) -> str:
    try:
        return format_of(f"x.{text.removeprefix('.')}")
    except BadArgumentError:
        raise BadArgumentError(f"{text!r} is no image format; there are {', '.join(IMAGE_FORMATS)}") from None


read_place = _read(_parse_place)
read_path = _read(_parse_path)
read_csv_path = _read(_parse_csv_path)
read_size = _read(parse_size)
read_bytes = _read(parse_bytes)
read_host = _read(as_host)
read_origin = _read(as_origin)
TIMES_HELP = "Times are seconds (12.5), mm:ss.mmm (0:12.5) or hh:mm:ss.mmm."

VideoArgument = Annotated[str, typer.Argument(metavar="VIDEO", help="The video file.", show_default=False)]
# For a command that lets negative numbers through.
VideoBeforePlaceArgument = Annotated[
    str, typer.Argument(parser=_read(_parse_video), metavar="VIDEO", help="The video file.", show_default=False)
]
VideosArgument = Annotated[list[str], typer.Argument(metavar="VIDEO...", help="Video files.", show_default=False)]
PlaceArgument = Annotated[
    Any,
    typer.Argument(
        parser=read_place,
        metavar="INDEX|TIME",
        help="A frame index (150; -1 is the last frame) or a time into the video (2.5, 12s, 0:12.5): the frame displayed then.",
        show_default=False,
    ),
]
StreamOption = Annotated[int, typer.Option("--stream", min=0, help="Which video stream, from 0; cover pictures do not count.")]
FramesOption = Annotated[
    Any,
    typer.Option(
        "--frames",
        parser=_read(parse_frames),
        metavar="A:B[:STEP]",
        help="Frames A up to before B, as in a slice: 100:200, 100:200:5, :50, -30: (the last thirty); or one index.",
        show_default=False,
    ),
]
TimesOption = Annotated[
    Any,
    typer.Option(
        "--times",
        parser=_read(parse_times),
        metavar="T0-T1",
        help=f"From the frame nearest T0 through the frame nearest T1: 0:10-0:12.5, 90-, -5. {TIMES_HELP}",
        show_default=False,
    ),
]
SizeOption = Annotated[
    Any,
    typer.Option(
        "--size",
        parser=read_size,
        metavar="WxH",
        help="Shrink pictures to fit within that many pixels; their shape is kept, and they are never enlarged.",
        show_default=False,
    ),
]
FormatOption = Annotated[
    Any,
    typer.Option("--format", parser=_read(_parse_format), metavar="|".join(IMAGE_FORMATS), help="The format of the images."),
]
QualityOption = Annotated[int, typer.Option("--quality", min=1, max=100, help="The quality of jpg and webp.")]
ImageOption = Annotated[
    Any,
    typer.Option(
        "-o",
        "--output",
        parser=_read(_parse_image_path),
        metavar="FILE",
        help=f"The file to write; its ending names the format: {', '.join(f'.{name}' for name in IMAGE_FORMATS)}.",
        show_default=False,
    ),
]


def picked_frames(reader: VideoReader, frames: slice | None, times: tuple[float | None, float | None] | None) -> range:
    """The frames of a range by frames or by times; all where neither was given.

    Raises:
        BadArgumentError: Both were given, or there is no frame in the range.
    """
    if frames is not None and times is not None:
        raise typer.BadParameter("--frames and --times are both given; give one of them")
    if times is None:
        chosen = range(len(reader))[frames or slice(None)]
    else:
        chosen = reader.index.range_of_times(*times)
        if times[0] is not None and times[0] >= reader.index.duration_seconds:
            chosen = range(0)
    if not chosen:
        what = f"there is no frame in that range; the video has {len(reader)} frames in {reader.index.duration_seconds:.3f} s"
        raise BadArgumentError(what if len(reader) else "the video has no frames")
    return chosen
