"""A screen of the tests' own (Xvfb), and viewers on it: keys and mouse go in through xdotool, pixels come out."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from framecache.frame import Image
from framecache.sample import read_index
from framecache.viewer import canvas

DEADLINE_SECONDS = 20.0
SCREEN_XY = (1280, 1024)
PROGRAMS = ("Xvfb", "xdotool")
SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "view.py"
PROGRAM_OF = {"command": [sys.executable, "-m", "framecache", "view"], "script": [sys.executable, str(SCRIPT)]}


def missing() -> list[str]:
    """The programs that driving a window needs and that are not here."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


def wait_until(is_so: Callable[[], bool], what: Callable[[], str] | str) -> None:
    """Look again and again; fail, saying what is the case instead, when it takes too long."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, what if isinstance(what, str) else what()
        time.sleep(0.01)


CLIENT_MESSAGE = 33
QUITTING_KEYS = ("q", "Escape")
KEY_NAMES = {":": "colon", ".": "period", "-": "minus"}


class ClientMessage(ctypes.Structure):
    """Xlib's XClientMessageEvent, as long as any XEvent."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("message_type", ctypes.c_ulong),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5),
        ("rest", ctypes.c_long * 12),
    )


class Screen:
    """An X server without a screen; its pixels lie in a file."""

    def __init__(self, folder: Path) -> None:
        reads, writes = os.pipe()
        command = ["Xvfb", "-displayfd", str(writes), "-screen", "0"]
        command += [f"{SCREEN_XY[0]}x{SCREEN_XY[1]}x24", "-noreset", "-r", "-fbdir", str(folder)]
        self._server = subprocess.Popen(command, pass_fds=[writes], stderr=subprocess.DEVNULL)
        os.close(writes)
        with os.fdopen(reads) as pipe:
            number = pipe.readline().strip()
        assert number, "Xvfb did not start"
        self.environment = {**os.environ, "DISPLAY": f":{number}"}
        self._pixels = self._map(folder / "Xvfb_screen0")

    @staticmethod
    def _map(path: Path) -> np.ndarray:
        """The screen's memory, (H, W, 4) uint8 BGRX: a file in the XWD format, whose header is of big-endian numbers."""
        header = np.fromfile(path, ">u4", 25)
        n_header_bytes, height, line_bytes, n_colours = (int(header[place]) for place in (0, 5, 12, 19))
        memory = np.memmap(path, np.uint8, "r", n_header_bytes + 12 * n_colours, (height, line_bytes // 4, 4))
        return memory[:, : SCREEN_XY[0]]

    def grab(self, x: int = 0, y: int = 0, width: int = SCREEN_XY[0], height: int = SCREEN_XY[1]) -> Image:
        return np.array(self._pixels[y : y + height, x : x + width, :3])

    def xdotool(self, *arguments: object) -> str:
        done = subprocess.run(
            ["xdotool", *map(str, arguments)], env=self.environment, capture_output=True, text=True, timeout=DEADLINE_SECONDS
        )
        assert done.returncode == 0 or arguments[0] in ("search", "key"), done.stderr
        return done.stdout.strip()

    def close_window(self, window: int) -> None:
        """Ask a window to close, as window managers do: a WM_DELETE_WINDOW message."""
        x11 = ctypes.CDLL("libX11.so.6")
        x11.XOpenDisplay.restype = ctypes.c_void_p
        x11.XInternAtom.restype = ctypes.c_ulong
        display = ctypes.c_void_p(x11.XOpenDisplay(self.environment["DISPLAY"].encode()))
        protocols, delete = (x11.XInternAtom(display, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"))
        message = ClientMessage(CLIENT_MESSAGE, 0, 1, display, window, protocols, 32, (ctypes.c_long * 5)(delete))
        x11.XSendEvent(display, ctypes.c_ulong(window), 0, ctypes.c_long(0), ctypes.byref(message))
        x11.XCloseDisplay(display)

    def close(self) -> None:
        self._server.terminate()
        self._server.wait()


class Viewer:
    """A viewer of a video, in a process of its own."""

    def __init__(self, screen: Screen, kind: str, video: Path, folder: Path, *, jump: int | None = None) -> None:
        self.screen = screen
        self.video = video
        self.folder = folder
        environment: Mapping[str, str] = {**screen.environment, "FRAMECACHE_INDEX_DIR": str(folder / "index-store")}
        command = [*PROGRAM_OF[kind], str(video), "--folder", str(folder)]
        command += ["--jump", str(jump)] if jump else []
        # Nothing is written to the folder by accident: it is where the process stands.
        self.process = subprocess.Popen(
            command, env=environment, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._window = ""
        wait_until(self._find_window, lambda: f"no window: {self.process.poll()}")

    def _find_window(self) -> bool:
        assert self.process.poll() is None, self.process.communicate()
        name = f"^{self.video.name}$"
        found = self.screen.xdotool("search", "--all", "--onlyvisible", "--pid", self.process.pid, "--name", name).split()
        self._window = found[0] if found else ""
        return bool(found)

    # What goes in

    def key(self, *names: str) -> None:
        for name in names:
            assert self.process.poll() is None, f"the viewer ended: {self.process.poll()}, {self.process.communicate()}"
            self.screen.xdotool("key", "--window", self._window, name)
            if name in QUITTING_KEYS:
                # The window may go before the key is released, and then it would stay pressed.
                self.screen.xdotool("keyup", name)

    def type(self, text: str) -> None:
        """Press "g" and type a place, waiting for each sign, since Qt's window remembers one key at a time."""
        self.key("g")
        for end in range(len(text) + 1):
            if end:
                self.key(KEY_NAMES.get(text[end - 1], text[end - 1]))
            wait_until(lambda end=end: self.says(f"go to: {text[:end]}_", 1), f"{text[:end]!r} is not shown")  # type: ignore[misc]

    def place(self) -> tuple[int, int, int, int]:
        """Where the window is: x, y, width, height."""
        lines = self.screen.xdotool("getwindowgeometry", "--shell", self._window).splitlines()
        values = dict(line.split("=") for line in lines)
        return int(values["X"]), int(values["Y"]), int(values["WIDTH"]), int(values["HEIGHT"])

    def trackbar_ends(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The points of the screen where the trackbar's handle is on the first and on the last frame."""
        x, y, width, height = self.place()
        top, bottom = y + self.area_height + canvas.strip_height(width), y + height
        self.key("End")
        grooves: list[np.ndarray] = []

        def is_full() -> bool:
            # Qt fills the groove with blue up to the handle.
            pixels = self.screen.grab(x, top, width, bottom - top).astype(int)
            grooves.append(np.argwhere(pixels[..., 0] > pixels[..., 2] + 60))
            return len(grooves[-1]) > 0 and grooves[-1][:, 1].max() > width - 30

        wait_until(is_full, "the trackbar does not follow")
        middle, first = round(float(np.median(grooves[-1][:, 0]))), int(grooves[-1][:, 1].min())
        self.key("Home")
        return (x + first + 6, top + middle), (x + width - 8, top + middle)

    # What comes out

    area_height = canvas.LEAST_AREA_XY[1]

    def area(self) -> Image:
        """What stands where pictures are shown."""
        x, y, width, _ = self.place()
        return self.screen.grab(x, y, width, self.area_height)

    def strip(self) -> Image:
        x, y, width, _ = self.place()
        return self.screen.grab(x, y + self.area_height, width, canvas.strip_height(width))

    def picture(self, size_xy: tuple[int, int]) -> Image:
        """The picture, which stands in the middle."""
        area = self.area()
        left, top = (area.shape[1] - size_xy[0]) // 2, (area.shape[0] - size_xy[1]) // 2
        return area[top : top + size_xy[1], left : left + size_xy[0]]

    def is_hit(self) -> bool:
        """Whether the right end of the first line is green."""
        corner = self.strip()[: canvas.LINE_PIXELS, -100:].astype(int)
        return bool((np.abs(corner - canvas.GOOD).max(axis=2) < 30).any())

    def says(self, text: str, line: int = 0, *, at_right: bool = False) -> bool:
        """Whether a line of the strip begins (or ends) with a text, in whatever colour."""
        width, low = canvas.text_width(text), line * canvas.LINE_PIXELS
        strip = self.strip()[low : low + canvas.LINE_PIXELS]
        left = strip.shape[1] - canvas.MARGIN_PIXELS - width if at_right else canvas.MARGIN_PIXELS
        wanted = np.full_like(strip, canvas.STRIP)
        canvas.write(wanted, text, left, canvas.LINE_PIXELS - 4, canvas.INK)
        part = slice(max(left, 0), left + width)
        seen = strip[:, part].max(axis=2).astype(float)
        seen, wanted_grey = seen - seen.min(), wanted[:, part].max(axis=2).astype(float) - canvas.STRIP[0]
        scale = max(seen.max(), 1.0) / max(wanted_grey.max(), 1.0)
        return bool(np.abs(seen / scale - wanted_grey).max() < 40)

    def wait_for_frame(self, index: int, n_frames: int, seconds: float, size_xy: tuple[int, int]) -> None:
        """Until the picture spells the index and the strip names it."""
        text = f"frame {index} of {n_frames}   0:00:{seconds:06.3f}"
        wait_until(lambda: self.spelled(size_xy) == index and self.says(text), lambda: f"not {text}, but {self.spelled(size_xy)}")

    def spelled(self, size_xy: tuple[int, int]) -> int | None:
        """What the picture spells, if any."""
        try:
            return read_index(self.picture(size_xy))
        except ValueError:
            return None

    # How it ends

    def end(self) -> tuple[int, str, str]:
        """The exit code, stdout and stderr, once it has ended."""
        stdout, stderr = self.process.communicate(timeout=DEADLINE_SECONDS)
        return self.process.returncode, stdout, stderr

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def close_window(self) -> None:
        self.screen.close_window(int(self._window))

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
