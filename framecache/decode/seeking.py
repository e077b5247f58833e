"""What to pass to FFmpeg's seek so that it lands on a given keyframe: it differs from container to container."""

from __future__ import annotations

import av

from framecache.index.rows import NO_PTS, PacketRows

# As measured: by timestamp where the container's own index is by presentation time, by decoding time
# elsewhere; an MPEG program stream's lands inside a packet unless it is asked for a tick before.
BY_PTS = frozenset({"mov", "matroska", "nut"})
NOT_SEEKABLE = frozenset({"h264", "hevc", "vvc", "h261", "h263", "m4v", "mjpeg", "av1", "obu", "vc1", "cavsvideo", "dirac"})


def seek_argument(container_format: str, packets: PacketRows, row: int) -> int | None:
    """The timestamp, in ticks of the stream, that lands at or before `row`; None where seeking cannot work.

    Args:
        container_format: FFmpeg's name of the format, such as `mov,mp4,m4a,3gp,3g2,mj2`.
        packets: The stream's packets.
        row: A keyframe's row.
    """
    name = container_format.split(",")[0]
    if name in NOT_SEEKABLE:
        return None
    pts, dts = int(packets.pts[row]), int(packets.dts[row])
    if name in BY_PTS:
        return pts if pts != NO_PTS else None
    if dts == NO_PTS:
        return pts if pts != NO_PTS else None
    return dts - 1 if name == "mpeg" else dts


def is_row(packet: av.Packet[av.VideoStream], packets: PacketRows, row: int) -> bool:
    """Whether a packet is the one of `row`: its size, and its timestamps or its place in the file."""
    if packet.size != packets.size[row]:
        return False
    if packet.pos is not None and packet.pos >= 0 and packet.pos == packets.pos[row]:
        return True
    pts = NO_PTS if packet.pts is None else packet.pts
    dts = NO_PTS if packet.dts is None else packet.dts
    return bool(pts == packets.pts[row] and dts == packets.dts[row] and (pts, dts) != (NO_PTS, NO_PTS))
