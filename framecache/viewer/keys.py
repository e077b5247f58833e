"""Key codes of OpenCV's windows on every system, as names."""

from __future__ import annotations

# X11 keysyms, which the Qt and GTK windows give; the second of each is the key pad's.
_KEYSYMS = {
    "home": (0xFF50, 0xFF95),
    "left": (0xFF51, 0xFF96),
    "up": (0xFF52, 0xFF97),
    "right": (0xFF53, 0xFF98),
    "down": (0xFF54, 0xFF99),
    "page up": (0xFF55, 0xFF9A),
    "page down": (0xFF56, 0xFF9B),
    "end": (0xFF57, 0xFF9C),
    "enter": (0xFF0D, 0xFF8D),
    "backspace": (0xFF08, 0xFF08),
    "escape": (0xFF1B, 0xFF1B),
    "-": (0xFFAD, 0xFFAD),
    ".": (0xFFAE, 0xFFAE),
}
# Windows gives virtual key codes in the upper half.
_WINDOWS = {
    0x21: "page up",
    0x22: "page down",
    0x23: "end",
    0x24: "home",
    0x25: "left",
    0x26: "up",
    0x27: "right",
    0x28: "down",
    0x2E: "backspace",
}
# macOS gives the private Unicode points of NSEvent's function keys.
_COCOA = {
    0xF700: "up",
    0xF701: "down",
    0xF702: "left",
    0xF703: "right",
    0xF729: "home",
    0xF72B: "end",
    0xF72C: "page up",
    0xF72D: "page down",
    0x03: "enter",
}
_CONTROL = {8: "backspace", 127: "backspace", 10: "enter", 13: "enter", 27: "escape"}
_NAMES = {
    **{code: name for name, codes in _KEYSYMS.items() for code in codes},
    **{0xFFB0 + digit: str(digit) for digit in range(10)},
    0xFFFF: "backspace",
    **_COCOA,
    **_CONTROL,
}


def key_name(code: int) -> str | None:
    """What `cv2.waitKeyEx` gave: "left", "page up", "enter" and their like, a small letter or a sign; None for others."""
    if code < 0:
        return None
    low = code & 0xFFFF
    if not low:
        return _WINDOWS.get(code >> 16)
    # GTK puts Shift, Caps Lock and Num Lock into the upper half.
    if low in _NAMES:
        return _NAMES[low]
    return chr(low).lower() if 32 <= low < 127 else None
