"""The display: whether a window can be opened, and how large the screen is."""

from __future__ import annotations

import ctypes
import os
import sys

from framecache.errors import DisplayError
from framecache.viewer import qt, x11

FALLBACK_SCREEN_XY = (1280, 720)
# Room for the trackbar, the window's frame and the desktop's panels.
USABLE_PART_XY = (0.95, 0.86)


def open_display() -> tuple[int, int]:
    """The screen's (width, height) in pixels, once it is sure that a window can be opened on it.

    Sure as far as it can be told without opening one: Qt ends the whole process where it cannot.

    Raises:
        DisplayError: There is no screen, or a library that windows need is missing.
    """
    if sys.platform == "win32":
        return _windows_screen() or FALLBACK_SCREEN_XY
    if sys.platform == "darwin":
        return _mac_screen() or FALLBACK_SCREEN_XY
    screen = x11.screen_size(os.environ.get("DISPLAY", ""))
    # The Qt in the wheels cannot do without X11; what Linux distributions build may.
    if screen is None and (qt.is_in_wheel() or not os.environ.get("WAYLAND_DISPLAY")):
        raise DisplayError(_no_screen())
    if qt.is_in_wheel():
        qt.prepare()
    return screen or FALLBACK_SCREEN_XY


def usable(screen_xy: tuple[int, int]) -> tuple[int, int]:
    """The largest (width, height) of a canvas on a screen."""
    return max(1, int(screen_xy[0] * USABLE_PART_XY[0])), max(1, int(screen_xy[1] * USABLE_PART_XY[1]))


def _no_screen() -> str:
    name = os.environ.get("DISPLAY")
    if not name:
        return "there is no screen to open a window on: DISPLAY is not set (over ssh, use ssh -X; without a screen, use Xvfb)"
    return f"no window can be opened: the display {name!r} that DISPLAY names cannot be reached"


def _windows_screen() -> tuple[int, int] | None:
    user32 = ctypes.CDLL("user32")
    size = user32.GetSystemMetrics(0), user32.GetSystemMetrics(1)
    return size if all(size) else None


def _mac_screen() -> tuple[int, int] | None:
    graphics = x11.load("/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics")
    if graphics is None:
        return None
    graphics.CGDisplayPixelsWide.restype = graphics.CGDisplayPixelsHigh.restype = ctypes.c_size_t
    screen = graphics.CGMainDisplayID()
    size = graphics.CGDisplayPixelsWide(screen), graphics.CGDisplayPixelsHigh(screen)
    return size if all(size) else None
