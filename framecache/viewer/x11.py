"""X11 through its own library: is there a server, how large is its screen, what is to be told to a window."""

from __future__ import annotations

import ctypes
import functools
import time
from typing import Any

# A server may be starting anew just now.
MOST_ATTEMPTS, ATTEMPT_SECONDS = 3, 0.1

_MAP_NOTIFY, _STRUCTURE_NOTIFY_MASK = 19, 1 << 17


def load(*names: str) -> Any:
    """The first library of these names that is there; None where none is."""
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def screen_size(name: str) -> tuple[int, int] | None:
    """The (width, height) in pixels of the first screen of a display; None where it cannot be reached."""
    for _ in range(MOST_ATTEMPTS):
        connection = _connection(name)
        if connection is not None:
            x11 = _x11()
            whole = x11.XDisplayWidth(connection, 0), x11.XDisplayHeight(connection, 0)
            return _first_of_several(connection) or whole
        _connection.cache_clear()
        time.sleep(ATTEMPT_SECONDS)
    return None


def tell_it_is_mapped(name: str, window: int) -> None:
    """Send a window of a display the message that it is on the screen."""
    connection = _connection(name)
    if connection is None:
        return
    event = _MapEvent(_MAP_NOTIFY, 0, 1, connection, window, window, 0)
    x11 = _x11()
    x11.XSendEvent(connection, ctypes.c_ulong(window), 0, ctypes.c_long(_STRUCTURE_NOTIFY_MASK), ctypes.byref(event))
    x11.XFlush(connection)


def _x11() -> Any:
    return load("libX11.so.6", "libX11.so")


@functools.cache
def _connection(name: str) -> ctypes.c_void_p | None:
    """A connection that is kept: a server without a desktop starts anew when its last client goes, and takes none then."""
    x11 = _x11()
    if x11 is None or not name:
        return None
    x11.XOpenDisplay.restype = ctypes.c_void_p
    display = x11.XOpenDisplay(name.encode())
    return ctypes.c_void_p(display) if display else None


def _first_of_several(connection: ctypes.c_void_p) -> tuple[int, int] | None:
    """The size of the first of several screens that make one large desktop."""
    xinerama = load("libXinerama.so.1")
    if xinerama is None:
        return None
    xinerama.XineramaQueryScreens.restype = ctypes.POINTER(_XineramaScreen)
    number = ctypes.c_int()
    screens = xinerama.XineramaQueryScreens(connection, ctypes.byref(number))
    if not screens or not number.value:
        return None
    size = screens[0].width, screens[0].height
    _x11().XFree(screens)
    return size


class _XineramaScreen(ctypes.Structure):
    _fields_ = (("number", ctypes.c_int), *((name, ctypes.c_short) for name in ("x", "y", "width", "height")))


class _MapEvent(ctypes.Structure):
    """Xlib's XMapEvent, as long as any XEvent."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("event", ctypes.c_ulong),
        ("window", ctypes.c_ulong),
        ("override_redirect", ctypes.c_int),
        ("rest", ctypes.c_long * 17),
    )
