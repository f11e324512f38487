"""Decoding with PyAV, whose wheels carry FFmpeg: runs everywhere."""

import bisect
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import torch
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from torch import Tensor

from videomamba.data.errors import VideoError, reason

_SEEK_FROM = 300  # frames: decoding fewer than this from the start is cheaper than a seek is risky
_KEEP_BYTES = 2**25  # of a file whose packets stay in memory from counting to decoding


class PyAVDecoder:
    """Frames of one file by their place in presentation order.

    Opening reads all packets, without decoding, to learn how many frames there are and when each is shown: headers lie.
    Where packets carry no times of presentation, as in AVI, the file is decoded once to count.

    Frames of H.264 that nobody asked for are passed over: those before the last key frame that comes before the first
    wanted one, and those from which no other frame is predicted, often every second one.
    """

    name = "pyav"

    def __init__(self, path: Path, num_threads: int) -> None:
        self.path = path
        self.num_threads = num_threads
        self.to_rgb = VideoReformatter()  # of all frames: a frame's own would prepare the conversion anew each time
        self._open()
        pts = self._scan()
        self.by_pts = None not in pts and len(set(pts)) == len(pts) and not self._is_avi()
        # no H.264 picture is predicted from one whose nal_ref_idc is 0, and FFmpeg holds back those after a key frame
        # that need what was before it; other codecs' rules are less plain
        self.is_plain = self.by_pts and self.stream.codec_context.name == "h264"
        self.pts = sorted(p for p in pts if p is not None)
        self.num_frames = len(pts) if self.by_pts or not pts else sum(1 for _ in self._decode(0))
        if not self.num_frames:
            self.container.close()
            raise VideoError(f"{path} has a video stream without frames")
        self.fps = float(self.stream.average_rate or self.stream.guessed_rate or Fraction(25))

    def close(self) -> None:
        self.container.close()

    def frames(self, indices: list[int]) -> Iterator[tuple[int, float, Tensor]]:
        """(index, time in seconds, (H, W, 3) uint8) of each wanted frame; ``indices`` ascend without repeats.

        Where a file breaks off early, or a frame cannot be decoded, the last frame that could be stands for it, under
        its own index.

        Raises:
            VideoError: no frame at all could be decoded.
        """
        wanted = iter(indices)
        target = next(wanted, None)
        last: tuple[int, VideoFrame] | None = None
        for index, frame in self._wanted(indices):
            while target is not None and index > target and last is not None:
                yield self._converted(*last)  # the wanted frame itself could not be decoded
                target = next(wanted, None)
            last = (index, frame)
            if target is not None and index >= target:
                yield self._converted(index, frame)
                target = next(wanted, None)
            if target is None:
                return
        if last is None:
            raise VideoError(f"{self.path} has no frame that can be decoded")
        while target is not None:
            yield self._converted(*last)
            target = next(wanted, None)

    def _wanted(self, indices: list[int]) -> Iterator[tuple[int, VideoFrame]]:
        """At least these frames, from the key frame before the first where that one gives it, else from the start."""
        frames = self._decode(indices[0], wanted=indices)
        first = next(frames, None)
        if first is None or first[0] > indices[0]:  # the key frame was none, or frames are broken
            frames = self._decode(0, wanted=indices)
        else:
            yield first
        yield from frames

    def _open(self) -> None:
        try:
            # a tag that is not UTF-8 says nothing about the pictures
            self.container = av.open(str(self.path), metadata_errors="ignore")
        except (av.error.FFmpegError, OSError) as error:
            raise VideoError(f"{self.path} is not a video that FFmpeg can open: {reason(error)}") from error
        if not self.container.streams.video:
            self.container.close()
            raise VideoError(f"{self.path} has no video stream")
        self.stream = self.container.streams.video[0]
        self.stream.codec_context.thread_count = self.num_threads
        self.stream.thread_type = "AUTO" if self.num_threads != 1 else "NONE"

    def _is_avi(self) -> bool:
        """AVI's packets say in what order to decode and not when to show."""
        return self.container.format.name == "avi"

    def _scan(self) -> list[int | None]:
        """Times of presentation of all packets; a small file's packets are kept, so that it is read only once."""
        self.kept: list[Packet] | None = [] if 0 < self.container.size <= _KEEP_BYTES else None
        pts: list[int | None] = []
        try:
            for packet in self.container.demux(self.stream):
                if packet.size and not packet.is_discard:
                    pts.append(packet.pts)
                if self.kept is not None:
                    self.kept.append(packet)
        except av.error.FFmpegError:
            pass  # a file cut short: what came before the cut can be used
        return pts

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
            self._open()
        try:
            yield from self.container.demux(self.stream)
        except av.error.FFmpegError:
            return

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
                yield place, frame

    def _converted(self, index: int, frame: VideoFrame) -> tuple[int, float, Tensor]:
        # threads=1: libswscale would start a pool of its own for every file
        picture = torch.from_numpy(self.to_rgb.reformat(frame, format="rgb24", threads=1).to_ndarray())
        turns = round((frame.rotation or 0) / 90) % 4
        if turns:
            picture = torch.rot90(picture, turns)
        seconds = frame.time if frame.time is not None else index / self.fps
        return index, float(seconds), picture


def first_bytes(path: Path) -> bytes:
    """Twelve bytes, which tell the container."""
    with path.open("rb") as file:
        return file.read(12)
