"""Window: a thin layer over OpenCV's windows: one picture, one trackbar, keys by name."""

from __future__ import annotations

import cv2

from framecache.errors import DisplayError
from framecache.frame import Image
from framecache.viewer.display import open_display, usable
from framecache.viewer.keys import key_name
from framecache.viewer.qt import leave_keyboard_to_window, make_sure_it_is_painted

FLAGS = cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL
TRACKBAR = "frame"
TRACKBAR_INSET = 8
# The trackbar's height is known only once it is there.
MOST_FITTINGS = 4


class Window:
    """A window with a trackbar that picks one of `n_positions`; with fewer than two there is none.

    For the main thread only, and one at a time.

    Raises:
        DisplayError: No window can be opened here.
    """

    def __init__(self, title: str, n_positions: int) -> None:
        self._screen_xy = open_display()
        self._name = "framecache"
        self._canvas_xy: tuple[int, int] | None = None
        self._dragged: int | None = None
        self._followed = 0
        self._is_following = False
        self._has_trackbar = n_positions > 1
        self._has_keyboard = not self._has_trackbar
        try:
            cv2.namedWindow(self._name, FLAGS)
        except cv2.error as error:
            raise DisplayError(
                "no window can be opened: OpenCV was built without windows; "
                "install opencv-python in place of opencv-python-headless"
            ) from error
        cv2.setWindowTitle(self._name, title)
        if self._has_trackbar:
            cv2.createTrackbar(TRACKBAR, self._name, 0, n_positions - 1, self._on_trackbar)

    @property
    def is_open(self) -> bool:
        """Whether nobody has closed it yet."""
        try:
            return bool(cv2.getWindowProperty(self._name, cv2.WND_PROP_VISIBLE) >= 1)
        except cv2.error:
            return False

    def show(self, canvas: Image) -> None:
        """Show a canvas, `(H, W, 3) uint8` BGR; one of another size than before makes the window fit it."""
        cv2.imshow(self._name, canvas)
        size = canvas.shape[1], canvas.shape[0]
        if size != self._canvas_xy:
            self._canvas_xy = size
            self._fit(size)

    def wait_key(self, seconds: float) -> str | None:
        """The key that was pressed within that time, as `key_name` names it; the window lives meanwhile."""
        return key_name(cv2.waitKeyEx(max(1, round(1000 * seconds))))

    def take_dragged(self) -> int | None:
        """Where the trackbar was dragged since this was last asked."""
        dragged, self._dragged = self._dragged, None
        return dragged

    def follow(self, position: int) -> None:
        """Put the trackbar to a position; that is not taken for a drag."""
        if not self._has_trackbar or position == self._followed:
            return
        self._is_following, self._followed = True, position
        try:
            cv2.setTrackbarPos(TRACKBAR, self._name, position)
        finally:
            self._is_following = False

    def close(self) -> None:
        """Close the window; twice does no harm."""
        if self.is_open:
            cv2.destroyWindow(self._name)
            cv2.waitKey(1)

    def __enter__(self) -> Window:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _on_trackbar(self, position: int) -> None:
        # Some systems tell of a position that was set only later, when it is no news.
        if not self._is_following and position != self._followed:
            self._dragged = self._followed = position
            self._keep_keyboard()

    def _keep_keyboard(self) -> None:
        """Keep the trackbar and its label from taking the keyboard; they stand under the picture."""
        if not self._has_keyboard:
            left, top, width, height = cv2.getWindowImageRect(self._name)
            self._has_keyboard = leave_keyboard_to_window(
                *((left + inset, top + height + TRACKBAR_INSET) for inset in (TRACKBAR_INSET, width - TRACKBAR_INSET))
            )

    def _fit(self, canvas_xy: tuple[int, int]) -> None:
        """Make the window so large that the canvas is shown pixel for pixel, with the trackbar beside it."""
        wanted_xy = canvas_xy
        for _ in range(MOST_FITTINGS):
            cv2.resizeWindow(self._name, *wanted_xy)
            cv2.waitKey(1)
            _, _, width, height = cv2.getWindowImageRect(self._name)
            if (width, height) == canvas_xy or width <= 0 or height <= 0:
                break
            missing = canvas_xy[1] - height
            wanted_xy = canvas_xy[0], min(wanted_xy[1] + max(missing, 0), self._screen_xy[1])
        left, top = ((screen - size) // 2 for screen, size in zip(self._screen_xy, wanted_xy))
        cv2.moveWindow(self._name, max(left, 0), max(top, 0))
        cv2.waitKey(1)
        left, top, width, height = cv2.getWindowImageRect(self._name)
        make_sure_it_is_painted((left + width // 2, top + height // 2))
        self._keep_keyboard()


def room_for_canvas() -> tuple[int, int]:
    """The largest (width, height) that a canvas may have on this screen. Raises DisplayError where there is none."""
    return usable(open_display())
