"""play: a video in the browser, in one call."""

from __future__ import annotations

import os
import webbrowser
from typing import TYPE_CHECKING

from framecache.decode.source import PathSource, make_source
from framecache.errors import BadTypeError
from framecache.reader import VideoReader

if TYPE_CHECKING:
    from framecache.server.run import ServerHandle


def play(video: VideoReader | str | os.PathLike[str], *, open_browser: bool = True) -> ServerHandle:
    """Show a video in the browser: a page to play it, to step through it and to scrub in it, exact to the frame.

    ```python
    server = framecache.play("video.mp4")
    print(server.page_url)
    server.close()
    ```

    A notebook that shows the handle, say as the last line of a cell, shows the page there. A server of its own does it, on
    this machine alone and with a cache of its own, until it is closed or the program ends.

    Args:
        video: A path, or a reader that was opened by one.
        open_browser: Whether to open the page now; its address is the handle's `page_url` in any case.

    Returns:
        A handle on the server, which answers by then; `with` closes it.

    Raises:
        MissingExtraError: The extra `server` is not installed.
        BadTypeError: It is no path, or a reader of bytes or of a file object: there is no file to be served.
        VideoNotFoundError, VideoAccessError, NotAVideoError: There is no such file, or it cannot be read.
    """
    source = video._video.source if isinstance(video, VideoReader) else make_source(video)
    if not isinstance(source, PathSource):
        raise BadTypeError("only a video with a path can be played; write the bytes to a file, and give its path")
    # Everything of the server is imported only here: whoever does not play needs none of its packages.
    from framecache.server.run import serve_video

    handle = serve_video(source.path)
    if open_browser:
        webbrowser.open(handle.page_url)
    return handle
