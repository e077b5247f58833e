"""What a packet's first bytes say: may decoding start here, does it show a frame, is it a lone field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

IDR_NAL, SEI_NAL, SLICE_NAL, SPS_NAL = 5, 6, 1, 7
RECOVERY_POINT_SEI = 6
HEVC_IRAP = range(16, 24)
# Codecs whose every start can be told from its own bytes; intra-only codecs need no telling.
SELF_EVIDENT = frozenset({"h264", "hevc", "vp8", "vp9", "mpeg1video", "mpeg2video"})


Bytes = bytes | memoryview


class BitReader:
    """Reads bits and Exp-Golomb numbers (H.264 9.1) from a NAL unit's payload; EOFError past its end."""

    def __init__(self, data: bytes) -> None:
        # Emulation prevention (H.264 7.4.1): 00 00 03 stands for 00 00.
        clean = data.replace(b"\0\0\3", b"\0\0")
        self._bits = int.from_bytes(clean, "big")
        self._left = 8 * len(clean)

    def u(self, count: int) -> int:
        """An unsigned number of `count` bits."""
        if count > self._left:
            raise EOFError("the bits end early")
        self._left -= count
        return (self._bits >> self._left) & ((1 << count) - 1)

    def ue(self) -> int:
        """An unsigned Exp-Golomb number."""
        zeros = 0
        while not self.u(1):
            zeros += 1
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        """A signed Exp-Golomb number."""
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def nal_units(data: bytes, length_size: int) -> Iterator[bytes]:
    """The NAL units of a packet: behind lengths of `length_size` bytes, or behind start codes if 0."""
    if length_size:
        at = 0
        while at + length_size < len(data):
            size = int.from_bytes(data[at : at + length_size], "big")
            at += length_size
            yield data[at : at + size]
            at += size
        return
    at = data.find(b"\0\0\1")
    while at >= 0:
        after = data.find(b"\0\0\1", at + 3)
        yield data[at + 3 : after if after >= 0 else len(data)]
        at = after


def nal_length_size(codec: str, extradata: bytes | None) -> int:
    """How many bytes hold a NAL unit's length, as the codec's avcC or hvcC record says; 0 for Annex B."""
    if not extradata or extradata[0] != 1:
        return 0
    if codec == "h264" and len(extradata) > 4:
        return (extradata[4] & 3) + 1
    if codec == "hevc" and len(extradata) > 21:
        return (extradata[21] & 3) + 1
    return 0


def tells_whole_frames(codec: str, extradata: bytes | None, first_packet: bytes) -> bool:
    """Whether an avcC or hvcC record and the first packet make sure that each packet shows one frame, from the first on.

    So it is where H.264 has no fields and begins with an IDR picture, and H.265 with any picture that decoding may start at.
    """
    length_size = nal_length_size(codec, extradata)
    if not length_size or not extradata:
        return False
    try:
        if codec == "h264":
            is_idr = any(nal and nal[0] & 31 == IDR_NAL for nal in nal_units(first_packet, length_size))
            return is_idr and H264Fields.from_avcc(extradata).frame_mbs_only
        return codec == "hevc" and may_start(codec, first_packet, length_size)
    except (EOFError, IndexError):
        return False


def may_start(codec: str, data: bytes, length_size: int = 0) -> bool:
    """Whether decoding may start at this packet, by its own bytes; True where they cannot tell."""
    try:
        if codec == "h264":
            return _h264_may_start(data, length_size)
        if codec == "hevc":
            types = [(nal[0] >> 1) & 63 for nal in nal_units(data, length_size) if nal]
            return next((t in HEVC_IRAP for t in types if t < 32), False)
        if codec in ("mpeg1video", "mpeg2video"):
            # A picture start code, ten bits of temporal reference, then three of coding type: 1 is I.
            at = data.find(b"\0\0\1\0")
            return at >= 0 and len(data) > at + 5 and (data[at + 5] >> 3) & 7 == 1
        if codec == "vp8":
            return not data[0] & 1
        if codec == "vp9":
            return _vp9_header(data)[0]
    except (EOFError, IndexError):
        return False
    return True


def is_non_reference(codec: str, data: Bytes, length_size: int) -> bool:
    """Whether no other frame is predicted from an H.264 or H.265 packet's, by its first slice; False for other codecs.

    The same rule as FFmpeg's for `skip_frame`: nal_ref_idc 0 (H.264 7.4.1), or an even type below 16, a sub-layer
    non-reference picture (H.265 7.4.2.2).
    """
    if codec not in ("h264", "hevc"):
        return False
    for header in _nal_headers(data, length_size):
        if codec == "h264" and header & 31 in (SLICE_NAL, IDR_NAL):
            return not header & 0x60
        kind = header >> 1 & 63
        if codec == "hevc" and kind < 32:
            return kind < 16 and not kind & 1
    return False


def _nal_headers(data: Bytes, length_size: int) -> Iterator[int]:
    """The first byte of each NAL unit of a packet, which is not copied."""
    at = 0
    while length_size and at + length_size < len(data):
        yield data[at + length_size]
        at += length_size + int.from_bytes(data[at : at + length_size], "big")
    if not length_size:
        yield from (nal[0] for nal in nal_units(bytes(data), 0) if nal)


def _h264_may_start(data: bytes, length_size: int) -> bool:
    """An IDR picture, or a recovery point that is exact at once; a mere I picture is neither."""
    for nal in nal_units(data, length_size):
        kind = nal[0] & 31 if nal else 0
        if kind == IDR_NAL:
            return True
        if kind == SEI_NAL and _recovers_at_once(nal[1:]):
            return True
        if kind == SLICE_NAL:
            return False
    return False


def _recovers_at_once(payload: bytes) -> bool:
    """Whether an SEI holds a recovery point with recovery_frame_cnt 0 (H.264 D.2.8)."""
    at = 0
    while at + 1 < len(payload):
        kind = size = 0
        while payload[at] == 255:
            kind, at = kind + 255, at + 1
        kind, at = kind + payload[at], at + 1
        while payload[at] == 255:
            size, at = size + 255, at + 1
        size, at = size + payload[at], at + 1
        if kind == RECOVERY_POINT_SEI:
            return BitReader(payload[at : at + size]).ue() == 0
        at += size
    return False


def _vp9_header(data: bytes) -> tuple[bool, bool]:
    """Of a VP9 frame: is it a keyframe, is it shown (VP9 bitstream specification, 6.2)."""
    first = data[0]
    bit = 3 if first & 0x30 != 0x30 else 2  # Profile 3 has a reserved bit before the flags.
    if first >> bit & 1:  # show_existing_frame
        return False, True
    return not first >> (bit - 1) & 1, bool(first >> (bit - 2) & 1)


def is_hidden(codec: str, data: bytes) -> bool:
    """Whether a VP8 or VP9 packet shows no frame by its own header; False for other codecs."""
    if codec == "vp8":
        return bool(data) and not data[0] & 0x10
    if codec != "vp9" or not data:
        return False
    # A superframe (its index ends with a marker byte, Annex B) shows one of its frames.
    return data[-1] & 0xE0 != 0xC0 and not _vp9_header(data)[1]


@dataclass(frozen=True, slots=True)
class H264Fields:
    """What of an H.264 sequence parameter set is needed to see whether a slice belongs to a field."""

    frame_num_bits: int
    frame_mbs_only: bool
    separate_colour_plane: bool

    @classmethod
    def from_avcc(cls, extradata: bytes) -> H264Fields:
        """Read the first sequence parameter set of an avcC record; EOFError or IndexError if it is broken."""
        size = int.from_bytes(extradata[6:8], "big")
        return cls.from_sps(extradata[8 : 8 + size])

    @classmethod
    def from_sps(cls, nal: bytes) -> H264Fields:
        """Read a sequence parameter set (H.264 7.3.2.1.1)."""
        profile, bits, separate = nal[1], BitReader(nal[4:]), False
        bits.ue()
        if profile in (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135):
            chroma_format = bits.ue()
            separate = chroma_format == 3 and bool(bits.u(1))
            bits.ue(), bits.ue(), bits.u(1)
            if bits.u(1):
                _skip_scaling_lists(bits, 8 if chroma_format != 3 else 12)
        frame_num_bits = bits.ue() + 4
        order_count_type = bits.ue()
        if order_count_type == 0:
            bits.ue()
        elif order_count_type == 1:
            bits.u(1), bits.se(), bits.se()
            for _ in range(bits.ue()):
                bits.se()
        bits.ue(), bits.u(1), bits.ue(), bits.ue()
        return cls(frame_num_bits, bool(bits.u(1)), separate)

    def is_lone_field(self, data: bytes, length_size: int) -> bool:
        """Whether a packet holds slices of one field only, so that two packets make a frame."""
        if self.frame_mbs_only:
            return False
        parities = set()
        for nal in nal_units(data, length_size):
            if nal and nal[0] & 31 in (SLICE_NAL, IDR_NAL):
                bits = BitReader(nal[1:64])
                bits.ue(), bits.ue(), bits.ue()
                bits.u(self.frame_num_bits + 2 * self.separate_colour_plane)
                parities.add(bits.u(1) if bits.u(1) else None)
        return len(parities) == 1 and None not in parities


def _skip_scaling_lists(bits: BitReader, count: int) -> None:
    for number in range(count):
        if bits.u(1):
            last = following = 8
            for _ in range(16 if number < 6 else 64):
                if following:
                    following = (last + bits.se() + 256) % 256
                last = following or last
