"""The viewer: a window with a trackbar that steps through a video, exact to the frame."""

from framecache.viewer.canvas import area_for, compose, room_for_pictures, status_of
from framecache.viewer.loop import view
from framecache.viewer.playhead import Playhead
from framecache.viewer.saving import Saver
from framecache.viewer.window import Window, room_for_canvas

__all__ = ["Playhead", "Saver", "Window", "area_for", "compose", "room_for_canvas", "room_for_pictures", "status_of", "view"]
