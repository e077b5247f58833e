"""The display: whether a window can be opened, how large the screen is, and what Qt needs to be told."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Any

import cv2

from framecache.errors import DisplayError

FALLBACK_SCREEN_XY = (1280, 720)
# Room for the trackbar, the window's frame and the desktop's panels.
USABLE_PART_XY = (0.95, 0.86)

_CV2_FOLDER = Path(cv2.__file__).parent
# OpenCV's wheels for Linux bring Qt along, with the plugin for X11 as the only one.
_WHEEL_PLUGIN = _CV2_FOLDER / "qt" / "plugins" / "platforms" / "libqxcb.so"


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
    screen = _x11_screen()
    if screen is None and (not os.environ.get("WAYLAND_DISPLAY") or _WHEEL_PLUGIN.exists()):
        raise DisplayError(_no_screen())
    if _WHEEL_PLUGIN.exists():
        _prepare_qt()
    return screen or FALLBACK_SCREEN_XY


def usable(screen_xy: tuple[int, int]) -> tuple[int, int]:
    """The largest (width, height) of a canvas on a screen."""
    return max(1, int(screen_xy[0] * USABLE_PART_XY[0])), max(1, int(screen_xy[1] * USABLE_PART_XY[1]))


def _no_screen() -> str:
    name = os.environ.get("DISPLAY")
    if not name:
        return "there is no screen to open a window on: DISPLAY is not set (over ssh, use ssh -X; without a screen, use Xvfb)"
    return f"no window can be opened: the display {name!r} that DISPLAY names cannot be reached"


class _XineramaScreen(ctypes.Structure):
    _fields_ = [("number", ctypes.c_int), *((name, ctypes.c_short) for name in ("x", "y", "width", "height"))]


def _library(*names: str) -> Any:
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def _x11_screen() -> tuple[int, int] | None:
    """The size of the first screen of the X11 display that DISPLAY names; None where it cannot be reached."""
    x11 = _library("libX11.so.6", "libX11.so")
    if x11 is None or not os.environ.get("DISPLAY"):
        return None
    x11.XOpenDisplay.restype = ctypes.c_void_p
    display = x11.XOpenDisplay(None)
    if not display:
        return None
    pointer = ctypes.c_void_p(display)
    try:
        return _first_of_several(pointer) or (x11.XDisplayWidth(pointer, 0), x11.XDisplayHeight(pointer, 0))
    finally:
        x11.XCloseDisplay(pointer)


def _first_of_several(display: ctypes.c_void_p) -> tuple[int, int] | None:
    """The size of the first of several screens that make one large desktop."""
    xinerama, x11 = _library("libXinerama.so.1"), _library("libX11.so.6", "libX11.so")
    if xinerama is None:
        return None
    xinerama.XineramaQueryScreens.restype = ctypes.POINTER(_XineramaScreen)
    number = ctypes.c_int()
    screens = xinerama.XineramaQueryScreens(display, ctypes.byref(number))
    if not screens or not number.value:
        return None
    size = screens[0].width, screens[0].height
    x11.XFree(screens)
    return size


def _windows_screen() -> tuple[int, int] | None:
    user32 = ctypes.CDLL("user32")
    size = user32.GetSystemMetrics(0), user32.GetSystemMetrics(1)
    return size if all(size) else None


def _mac_screen() -> tuple[int, int] | None:
    graphics = _library("/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics")
    if graphics is None:
        return None
    graphics.CGDisplayPixelsWide.restype = graphics.CGDisplayPixelsHigh.restype = ctypes.c_size_t
    screen = graphics.CGMainDisplayID()
    size = graphics.CGDisplayPixelsWide(screen), graphics.CGDisplayPixelsHigh(screen)
    return size if all(size) else None


# The Qt in OpenCV's wheel


def _prepare_qt() -> None:
    """Make sure that Qt will start, and that it says nothing on stderr that nobody can do anything about."""
    try:
        ctypes.CDLL(str(_WHEEL_PLUGIN))
    except OSError as error:
        raise DisplayError(
            f"no window can be opened: a library that OpenCV's windows need is missing ({error}); "
            "on Debian, install libgl1 libglib2.0-0 libsm6 libxext6"
        ) from error
    if _is_av_in_the_way(Path("/proc/self/maps")):
        raise DisplayError(
            "no window can be opened: PyAV was imported before OpenCV, whose windows then hang; "
            "import framecache (or cv2) before av"
        )
    # The only plugin there is; asked for another, as on Wayland desktops, Qt would end the process.
    os.environ["QT_QPA_PLATFORM"] = "xcb"
    # The wheel points Qt at a folder of fonts that it does not bring along, and Qt complains of each font it looks for.
    if not Path(os.environ.get("QT_QPA_FONTDIR", "")).is_dir():
        folder = _font_folder()
        if folder is not None:
            os.environ["QT_QPA_FONTDIR"] = str(folder)
        else:
            os.environ.setdefault("QT_LOGGING_RULES", "default.warning=false")


def _is_av_in_the_way(maps: Path) -> bool:
    """Whether Qt would be given libraries that PyAV brought along under the same names, and not its own.

    See https://github.com/opencv/opencv/issues/29195.
    """
    try:
        loaded = {Path(line.split(maxsplit=5)[5]) for line in maps.read_text().splitlines() if "/libxcb" in line}
    except OSError:
        return False
    of_av = {path.name for path in loaded if path.parent.name == "av.libs"}
    return any(path.name in of_av for folder in _wheel_libraries() for path in folder.glob("libxcb*") if path not in loaded)


def _wheel_libraries() -> list[Path]:
    return list(_CV2_FOLDER.parent.glob("opencv_*.libs"))


def _font_folder() -> Path | None:
    for folder in ("truetype/dejavu", "dejavu-sans-fonts", "TTF", "dejavu", "truetype/liberation"):
        path = Path("/usr/share/fonts") / folder
        if path.is_dir():
            return path
    return next((font.parent for font in Path("/usr/share/fonts").rglob("*.[to]tf")), None)


def take_focus_from_trackbar() -> None:
    """Give the keyboard back to the window, where Qt's trackbar took it with the mouse.

    The trackbar would keep the arrow, page, home and end keys for itself. OpenCV has no call for this.
    """
    if _qt_widgets is not None:
        widget = _qt_widgets._ZN12QApplication11focusWidgetEv()
        if widget:
            _qt_widgets._ZN7QWidget10clearFocusEv(ctypes.c_void_p(widget))


def _load_qt_widgets() -> Any:
    """The library of the wheel's Qt 5 that OpenCV has loaded, with QApplication::focusWidget and QWidget::clearFocus."""
    for path in (path for folder in _wheel_libraries() for path in folder.glob("libQt5Widgets-*.so*")):
        library = _library(str(path))
        try:
            library._ZN12QApplication11focusWidgetEv.restype = ctypes.c_void_p
            library._ZN7QWidget10clearFocusEv.restype = None
        except AttributeError:
            continue
        return library
    return None


_qt_widgets = _load_qt_widgets()
