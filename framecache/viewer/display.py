"""The display: whether a window can be opened, how large the screen is, and what Qt needs to be told."""

from __future__ import annotations

import ctypes
import functools
import os
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import cv2

from framecache.errors import DisplayError

FALLBACK_SCREEN_XY = (1280, 720)
# Room for the trackbar, the window's frame and the desktop's panels.
USABLE_PART_XY = (0.95, 0.86)
# A server may be starting anew just now.
MOST_ATTEMPTS, ATTEMPT_SECONDS = 3, 0.1

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
    name = os.environ.get("DISPLAY")
    x11 = _library("libX11.so.6", "libX11.so")
    if x11 is None or not name:
        return None
    for _ in range(MOST_ATTEMPTS):
        connection = _x11_connection(name)
        if connection is not None:
            return _first_of_several(connection, x11) or (x11.XDisplayWidth(connection, 0), x11.XDisplayHeight(connection, 0))
        _x11_connection.cache_clear()
        time.sleep(ATTEMPT_SECONDS)
    return None


@functools.cache
def _x11_connection(name: str) -> ctypes.c_void_p | None:
    """A connection that is kept: a server without a desktop starts anew when its last client goes, and takes none then."""
    x11 = _library("libX11.so.6", "libX11.so")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    display = x11.XOpenDisplay(name.encode())
    return ctypes.c_void_p(display) if display else None


def _first_of_several(display: ctypes.c_void_p, x11: Any) -> tuple[int, int] | None:
    """The size of the first of several screens that make one large desktop."""
    xinerama = _library("libXinerama.so.1")
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


def leave_keyboard_to_window(*points_xy: tuple[int, int]) -> bool:
    """Let the widgets at these points of the screen never take the keyboard; whether there is no more to be done.

    Once clicked, Qt's trackbar would keep the arrow, page, home and end keys for itself. OpenCV has no call for this.
    """
    if _qt is None:
        return True
    for point in points_xy:
        widget = _qt.widget_at((ctypes.c_int * 2)(*point))
        if not widget:
            return False
        _qt.set_focus_policy(ctypes.c_void_p(widget), _NO_FOCUS)
        _qt.clear_focus(ctypes.c_void_p(widget))
    return True


_NO_FOCUS = 0  # Qt::NoFocus
# QApplication::widgetAt(QPoint), QWidget::setFocusPolicy(Qt::FocusPolicy) and QWidget::clearFocus(), as the wheels of
# OpenCV 5 have them, in a namespace of their own, and as those of OpenCV 4 do.
_QT_NAMES = (
    (
        "_ZN14QtOpenCVPython12QApplication8widgetAtERKNS_6QPointE",
        "_ZN14QtOpenCVPython7QWidget14setFocusPolicyENS_2Qt11FocusPolicyE",
        "_ZN14QtOpenCVPython7QWidget10clearFocusEv",
    ),
    (
        "_ZN12QApplication8widgetAtERK6QPoint",
        "_ZN7QWidget14setFocusPolicyEN2Qt11FocusPolicyE",
        "_ZN7QWidget10clearFocusEv",
    ),
)


class _Qt(NamedTuple):
    widget_at: Any
    set_focus_policy: Any
    clear_focus: Any


def _load_qt() -> _Qt | None:
    """Three functions of the wheel's Qt 5, which OpenCV has loaded; None where it is another."""
    for path in (path for folder in _wheel_libraries() for path in folder.glob("libQt5Widgets-*.so*")):
        library = _library(str(path))
        for names in _QT_NAMES:
            if all(hasattr(library, name) for name in names):
                qt = _Qt(*(getattr(library, name) for name in names))
                qt.widget_at.restype, qt.set_focus_policy.restype, qt.clear_focus.restype = ctypes.c_void_p, None, None
                return qt
    return None


_qt = _load_qt()
