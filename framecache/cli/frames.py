"""`framecache frame` and `framecache extract`: frames out to image files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from framecache.cli.console import complain, say, watched
from framecache.cli.opening import opened_video
from framecache.cli.outputs import check_csv, output_file
from framecache.cli.parameters import (
    FormatOption,
    FramesOption,
    ImageOption,
    PlaceArgument,
    QualityOption,
    SizeOption,
    StreamOption,
    TimesOption,
    VideoArgument,
    VideoBeforePlaceArgument,
    picked_frames,
    read_csv_path,
    read_path,
)
from framecache.export import DEFAULT_QUALITY, Extraction, times_csv, write_image
from framecache.files import write_whole
from framecache.frame import format_seconds


def frame(
    video: VideoBeforePlaceArgument,
    place: PlaceArgument,
    output: ImageOption = None,
    size: SizeOption = None,
    quality: QualityOption = DEFAULT_QUALITY,
    stream: StreamOption = 0,
) -> None:
    """Write one frame to an image file.

    An .npy file holds the array as the library gives it: (H, W, 3) uint8 BGR. Without -o, a PNG file named after the
    video and the frame is written to the current folder.
    """
    with opened_video(video, stream=stream, max_size_xy=size) as reader:
        index = place.find(reader.index)
        target = output_file(output, f"{Path(video).stem}-frame-{index}.png", video)
        picked = reader.request_frame(index)
    write_image(target, picked.image, quality)
    width, height = picked.get_size_xy()
    say(f"frame {picked.frame_ix} at {format_seconds(picked.seconds_into_video)} ({width}x{height}) is in {target}")


def extract(
    video: VideoArgument,
    folder: Annotated[
        Any,
        typer.Option(
            "-o",
            "--output",
            parser=read_path,
            metavar="FOLDER",
            help="Where to; by default VIDEO-frames in the current folder.",
            show_default=False,
        ),
    ] = None,
    frames: FramesOption = None,
    times: TimesOption = None,
    step: Annotated[int, typer.Option("--step", min=1, help="Every STEP-th frame of the range only.")] = 1,
    size: SizeOption = None,
    image_format: FormatOption = "png",
    quality: QualityOption = DEFAULT_QUALITY,
    csv_file: Annotated[
        Any,
        typer.Option(
            "--csv",
            parser=read_csv_path,
            metavar="FILE",
            help="Also write index, pts and seconds of the frames as CSV.",
            show_default=False,
        ),
    ] = None,
    stream: StreamOption = 0,
) -> None:
    """Write a range of frames to a folder.

    Files are named by their frame's true index: frame_000150.png. Frames that are there already are skipped, so that an
    extraction that was ended by anything goes on where it was. Frames that cannot be decoded are named on stderr, and the
    exit code is 1 then.
    """
    if csv_file is not None:
        check_csv(csv_file, video)
    with opened_video(video, stream=stream, max_size_xy=size, use_cache=False) as reader:
        chosen = picked_frames(reader, frames, times)[::step]
        extraction = Extraction(reader, folder or Path(f"{Path(video).stem}-frames"), image_format, quality)
        counts = {"written": 0, "there already": 0, "cannot be decoded": 0}
        with watched() as watch:
            for done, one in enumerate(extraction.run(chosen), 1):
                watch("extracting", done / len(chosen))
                if one.error is not None:
                    complain(one.error)
                what = "cannot be decoded" if one.error is not None else "written" if one.is_new else "there already"
                counts[what] += 1
        if csv_file is not None:
            write_whole(csv_file, times_csv(reader, chosen))
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    say(f"{len(chosen)} frames in {extraction.folder}: {told}")
    if counts["cannot be decoded"]:
        raise typer.Exit(1)
