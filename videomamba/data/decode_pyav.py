"""Decoding with PyAV, whose wheels carry FFmpeg: runs everywhere."""

import bisect
import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from torch import Tensor

from videomamba.data.errors import VideoError
from videomamba.data.ffmpeg import is_packed, open_video
from videomamba.data.frame_times import FrameTimes
from videomamba.data.orientation import turns_in_stream
from videomamba.data.to_rgb import ToRGB, display_matrix

_SEEK_FROM = 300  # frames: decoding fewer than this from the start is cheaper than a seek is risky
_PICTURES = (
    "mjpeg",
    "png",
    "gif",
    "bmp",
    "webp",
    "tiff",
)  # codecs of cover pictures, which Matroska does not mark as such
_EMPTY_BYTES = 19  # of an MPEG-4 packet that may show nothing: what FFmpeg's decoder takes for one
_KEEP_BYTES = 2**25  # of a file whose packets stay in memory from counting to decoding


class Stamp(NamedTuple):
    """What a packet says of its time, and what it holds."""

    pts: int | None
    dts: int | None
    is_key: bool
    is_packed: bool
    is_empty: bool


class PyAVDecoder:
    """Frames of one file by their place in presentation order.

    Opening reads all packets, without decoding, to learn how many frames there are and when each is shown: headers are
    often wrong. Where packets carry no times of presentation (AVI), share them (packets that show nothing), hold no
    picture or two (DivX), or where time goes back by more than reordering explains (joined recordings), the file is
    decoded once to count, and the frames are in the order in which they come out.

    Frames of H.264 that were not asked for are skipped: those before the last key frame that comes before the first
    wanted one, and those from which no other frame is predicted, often every second one.

    Attributes:
        times: of all frames.
        by_pts: the packets' times of presentation tell all frames apart, and their order.
        turns: key frames say themselves how they are to be turned.
        pixel_aspect: width over height of a pixel of the upright picture.
    """

    name = "pyav"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.to_rgb = ToRGB()
        self.container, self.stream = open_video(path)
        try:
            self._count()
            if self.turns:  # FFmpeg turns the key frames alone
                self.to_rgb.matrix = self.display_matrix()
        except BaseException:
            self.container.close()
            raise

    def close(self) -> None:
        self.container.close()

    def frames(self, indices: list[int]) -> Iterator[tuple[int, Tensor]]:
        """(index, (H, W, 3) uint8) of each wanted frame; ``indices`` ascend without repeats.

        Where a file ends early, or a frame cannot be decoded, the last frame that could be decoded takes its place,
        under its own index.

        Raises:
            VideoError: no frame at all could be decoded.
        """
        wanted = iter(indices)
        target = next(wanted, None)
        last: tuple[int, VideoFrame] | None = None
        for index, frame in self._wanted(indices):
            if last is not None and index < last[0]:
                continue  # a damaged file may give frames out of order
            while target is not None and index > target and last is not None:
                yield last[0], self.to_rgb(last[1])  # the wanted frame itself could not be decoded
                target = next(wanted, None)
            last = (index, frame)
            if target is not None and index >= target:
                yield index, self.to_rgb(frame)
                target = next(wanted, None)
            if target is None:
                return
        if last is None:
            raise VideoError(f"{self.path} has no frame that can be decoded")
        while target is not None:
            yield last[0], self.to_rgb(last[1])
            target = next(wanted, None)

    def display_matrix(self) -> tuple[int, int, int, int]:
        """How the first frame that can be decoded is to be shown; see :func:`videomamba.data.to_rgb.display_matrix`."""
        first = next(self._decode(0), None)
        return (first and display_matrix(first[1])) or (1, 0, 0, 1)

    def _wanted(self, indices: list[int]) -> Iterator[tuple[int, VideoFrame]]:
        """At least these frames, from the key frame before the first where that one gives it, else from the start."""
        frames = self._decode(indices[0], wanted=indices)
        first = next(frames, None)
        if first is None or first[0] > indices[0]:  # the key frame was none, or frames are broken
            frames = self._decode(0, wanted=indices)
        else:
            yield first
        yield from frames

    def _count(self) -> None:
        """How many frames there are, and when each is shown."""
        stamps = self._scan()
        pts = [stamp.pts for stamp in stamps]
        # packets of AVI, and packed ones, say in what order to decode and not when to show
        by_dts = self.container.format.name == "avi" or any(stamp.is_packed for stamp in stamps)
        tell_apart = None not in pts and len(set(pts)) == len(pts) and not any(stamp.is_empty for stamp in stamps)
        self.by_pts = tell_apart and not by_dts and not _goes_back(stamps)
        # no H.264 picture is predicted from one whose nal_ref_idc is 0, and FFmpeg holds back those after a key frame
        # that need what was before it; other codecs' rules are less plain
        self.is_plain = self.by_pts and self.stream.codec_context.name == "h264"
        self.pts = sorted(p for p in pts if p is not None)
        ticks: list[int | None] = list(self.pts)
        if stamps and not self.by_pts:
            self.pts = []  # nothing to seek by
            shown = [(frame.pts, frame.dts) for _, frame in self._decode(0)]
            ticks = _continued([dts for _, dts in shown]) if by_dts else [pts for pts, _ in shown]
        self.num_frames = len(ticks)
        if not self.num_frames:
            raise VideoError(f"{self.path} has a video stream without frames")
        if self.num_frames == 1 and self.stream.codec_context.name in _PICTURES and self.container.streams.audio:
            raise VideoError(f"{self.path} has no video stream, only sound and a cover picture")
        self.pixel_aspect = self._pixel_aspect()
        header = float(self.stream.average_rate or self.stream.guessed_rate or 0) or None
        unit = self.stream.time_base
        known = [tick for tick in ticks if tick is not None]
        if unit and len(known) == len(ticks):
            self.times = FrameTimes.of(known, unit, header)
        else:
            self.times = FrameTimes.evenly(self.num_frames, header)

    def _pixel_aspect(self) -> Fraction:
        stored = self.stream.sample_aspect_ratio
        if not stored or stored == 1:
            return Fraction(1)
        a, b, c, d = self.display_matrix()
        return 1 / stored if abs(b) + abs(c) > abs(a) + abs(d) else stored

    def _scan(self) -> list[Stamp]:
        """What all packets say; a small file's packets are kept, so that it is read only once."""
        size = self.container.size
        self.kept: list[Packet] | None = [] if size is not None and 0 < size <= _KEEP_BYTES else None
        is_mpeg4 = self.stream.codec_context.name == "mpeg4"
        codec, extradata = self.stream.codec_context.name, self.stream.codec_context.extradata
        self.turns = False
        stamps = []
        for packet in self._demux():
            if packet.size and not packet.is_discard:
                if packet.is_keyframe and not self.turns and codec in ("h264", "hevc"):
                    self.turns = turns_in_stream(bytes(packet), codec, extradata)
                is_empty = is_mpeg4 and packet.size <= _EMPTY_BYTES
                packed = is_mpeg4 and is_packed(packet)
                stamps.append(Stamp(packet.pts, packet.dts, packet.is_keyframe, packed, is_empty))
            if self.kept is not None:
                self.kept.append(packet)
        return stamps

    def _demux(self) -> Iterator[Packet]:
        """The packets from here on; of a file cut short those before the cut."""
        try:
            yield from self.container.demux(self.stream)
        except av.error.FFmpegError:
            return
        except IndexError:  # PyAV's, at the end, where more streams came up on the way than the file began with
            return

    def _packets(self, first: int) -> Iterator[Packet]:
        """From a key frame before the frame ``first`` where that can be trusted, else from the start."""
        far = self.by_pts and first >= _SEEK_FROM
        if self.kept is not None:
            self.stream.codec_context.flush_buffers()
            start = 0
            if far or self.is_plain:  # no seek in the file: the packets are here
                keys = (i for i, p in enumerate(self.kept) if p.is_keyframe and (p.pts or 0) <= self.pts[first])
                start = max(keys, default=0)
            yield from self.kept[start:]
            return
        try:
            self.container.seek(self.pts[first] if far else min([*self.pts[:1], 0]), stream=self.stream)
        except av.error.FFmpegError:  # no seeking in this file: begin anew
            self.container.close()
            self.container, self.stream = open_video(self.path)
        yield from self._demux()

    def _decode(self, first: int, wanted: Sequence[int] | None = None) -> Iterator[tuple[int, VideoFrame]]:
        """Frames with their indices from ``first`` or earlier; those not ``wanted`` may be left out."""
        may_skip = wanted is not None and self.is_plain
        wanted_pts = {self.pts[index] for index in wanted or ()} if may_skip else set()
        context = self.stream.codec_context
        skipped: bool | None = None
        count = 0
        for packet in self._packets(first):
            skip = may_skip and packet.pts not in wanted_pts
            if skip != skipped:
                context.skip_frame = "NONREF" if skip else "DEFAULT"
                skipped = skip
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                continue  # a broken packet costs its frame, not the video
            for frame in frames:
                place = bisect.bisect_left(self.pts, frame.pts) if self.by_pts and frame.pts is not None else count
                count += 1
                yield place if not self.by_pts else min(place, len(self.pts) - 1), frame


def _continued(ticks: list[int | None]) -> list[int | None]:
    """Times of decoding with those at the end, of frames that are held back until then, one step apart each."""
    known = [tick for tick in ticks if tick is not None]
    if not known or None in ticks[: len(known)]:
        return ticks
    step = sorted(b - a for a, b in itertools.pairwise(known))[(len(known) - 1) // 2] if len(known) > 1 else 1
    return [*known, *(known[-1] + step * (i + 1) for i in range(len(ticks) - len(known)))]


def _goes_back(stamps: Sequence[Stamp]) -> bool:
    """Whether time goes back by more than reordering explains: decoding goes forward in time, and all frames before a
    key frame are shown before it."""
    latest: int | None = None
    decoded: int | None = None
    for stamp in stamps:
        assert stamp.pts is not None
        if stamp.is_key and latest is not None and stamp.pts < latest:
            return True
        if decoded is not None and stamp.dts is not None and stamp.dts < decoded:
            return True
        latest = stamp.pts if latest is None else max(latest, stamp.pts)
        decoded = decoded if stamp.dts is None else stamp.dts
    return False
