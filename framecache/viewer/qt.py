"""The Qt in OpenCV's wheels for Linux: what it needs to be told, and what OpenCV has no calls for."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any, NamedTuple

import cv2

from framecache.errors import DisplayError
from framecache.viewer import x11

_CV2_FOLDER = Path(cv2.__file__).parent
# The plugin for X11 is the only one there is.
_PLUGIN = _CV2_FOLDER / "qt" / "plugins" / "platforms" / "libqxcb.so"
_NO_FOCUS = 0  # Qt::NoFocus
# QApplication::widgetAt(QPoint), QWidget::setFocusPolicy(Qt::FocusPolicy), clearFocus(), window() and winId(), as the
# wheels of OpenCV 5 have them, in a namespace of their own, and as those of OpenCV 4 do.
_NAMES = (
    (
        "_ZN14QtOpenCVPython12QApplication8widgetAtERKNS_6QPointE",
        "_ZN14QtOpenCVPython7QWidget14setFocusPolicyENS_2Qt11FocusPolicyE",
        "_ZN14QtOpenCVPython7QWidget10clearFocusEv",
        "_ZNK14QtOpenCVPython7QWidget6windowEv",
        "_ZNK14QtOpenCVPython7QWidget5winIdEv",
    ),
    (
        "_ZN12QApplication8widgetAtERK6QPoint",
        "_ZN7QWidget14setFocusPolicyEN2Qt11FocusPolicyE",
        "_ZN7QWidget10clearFocusEv",
        "_ZNK7QWidget6windowEv",
        "_ZNK7QWidget5winIdEv",
    ),
)


def is_in_wheel() -> bool:
    """Whether OpenCV came as a wheel with Qt in it."""
    return _PLUGIN.exists()


def prepare() -> None:
    """Make sure that Qt will start, and that it says nothing on stderr that nobody can do anything about.

    Raises:
        DisplayError: It would end the process, or hang.
    """
    try:
        ctypes.CDLL(str(_PLUGIN))
    except OSError as error:
        raise DisplayError(
            f"no window can be opened: a library that OpenCV's windows need is missing ({error}); "
            "on Debian, install libgl1 libglib2.0-0 libsm6 libxext6"
        ) from error
    if is_av_in_the_way(Path("/proc/self/maps")):
        raise DisplayError(
            "no window can be opened: PyAV was imported before OpenCV, whose windows then hang; "
            "import framecache (or cv2) before av"
        )
    # Asked for another plugin than the only one, as on Wayland desktops, Qt would end the process.
    os.environ["QT_QPA_PLATFORM"] = "xcb"
    # The wheel points Qt at a folder of fonts that it does not bring along, and Qt complains of each font it looks for.
    if not Path(os.environ.get("QT_QPA_FONTDIR", "")).is_dir() or not os.environ.get("QT_QPA_FONTDIR"):
        folder = _font_folder()
        if folder is not None:
            os.environ["QT_QPA_FONTDIR"] = str(folder)
        else:
            os.environ.setdefault("QT_LOGGING_RULES", "default.warning=false")


def is_av_in_the_way(maps: Path) -> bool:
    """Whether Qt would be given libraries that PyAV brought along under the same names, and not its own.

    See https://github.com/opencv/opencv/issues/29195.

    Args:
        maps: What the process has loaded, as in /proc/self/maps.
    """
    try:
        loaded = {Path(line.split(maxsplit=5)[5]) for line in maps.read_text().splitlines() if "/libxcb" in line}
    except OSError:
        return False
    of_av = {path.name for path in loaded if path.parent.name == "av.libs"}
    return any(path.name in of_av for folder in library_folders() for path in folder.glob("libxcb*") if path not in loaded)


def library_folders() -> list[Path]:
    """Where the wheel keeps its libraries."""
    return list(_CV2_FOLDER.parent.glob("opencv_*.libs"))


def _font_folder() -> Path | None:
    fonts = Path("/usr/share/fonts")
    for folder in ("truetype/dejavu", "dejavu-sans-fonts", "TTF", "dejavu", "truetype/liberation"):
        if (fonts / folder).is_dir():
            return fonts / folder
    return next((font.parent for font in fonts.rglob("*.[to]tf")), None)


# What OpenCV has no calls for


def leave_keyboard_to_window(*points_xy: tuple[int, int]) -> bool:
    """Let the widgets at these points of the screen never take the keyboard; whether there is no more to be done.

    Once clicked, Qt's trackbar would keep the arrow, page, home and end keys for itself.
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


def make_sure_it_is_painted(point_xy: tuple[int, int]) -> None:
    """Tell Qt once more that the window at this point of the screen is there.

    On a busy machine Qt at times misses the message that its first window is there (seen with the wheel of OpenCV 5.0,
    in a script of namedWindow, imshow and waitKey alone), and then never paints it. To be told twice does no harm.
    """
    widget = None if _qt is None else _qt.widget_at((ctypes.c_int * 2)(*point_xy))
    if _qt is not None and widget:
        window = _qt.window(ctypes.c_void_p(widget))
        x11.tell_it_is_mapped(os.environ.get("DISPLAY", ""), _qt.win_id(ctypes.c_void_p(window)))


class _Qt(NamedTuple):
    widget_at: Any
    set_focus_policy: Any
    clear_focus: Any
    window: Any
    win_id: Any


def _load_qt() -> _Qt | None:
    """A few functions of the wheel's Qt 5, which OpenCV has loaded; None where it is another."""
    for path in (path for folder in library_folders() for path in folder.glob("libQt5Widgets-*.so*")):
        library = x11.load(str(path))
        for names in _NAMES:
            if all(hasattr(library, name) for name in names):
                qt = _Qt(*(getattr(library, name) for name in names))
                qt.widget_at.restype = qt.window.restype = ctypes.c_void_p
                qt.set_focus_policy.restype = qt.clear_focus.restype = None
                qt.win_id.restype = ctypes.c_ulong
                return qt
    return None


_qt = _load_qt()
