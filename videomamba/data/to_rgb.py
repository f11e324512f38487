"""From a decoded frame to the picture that FFmpeg shows: colours, and turned or mirrored as the file asks."""

from typing import Any

import torch
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray
from torch import Tensor

_UNSPECIFIED, _BT2020, _BT2020_CONSTANT = 2, 9, 10
# colour matrices (ITU-T H.273) that swscale computes with; it takes others for an unspecified one, and the constant
# luminance of BT.2020 for the other kind, where it is asked as the command ffmpeg asks it, and else refuses them
_KNOWN_MATRICES = (0, 1, _UNSPECIFIED, 3, 4, 5, 6, 7, _BT2020)


class ToRGB:
    """Pictures of one file's frames; what is prepared for the first one is used for the others.

    Attributes:
        matrix: how frames are shown that do not say so, see :func:`display_matrix`: the file's key frames may say it
            for all that follow.
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._graph: tuple[tuple[object, ...], Graph] | None = None
        self.matrix = (1, 0, 0, 1)

    def __call__(self, frame: VideoFrame) -> Tensor:
        """(H, W, 3) uint8, upright.

        Raises:
            FFmpegError: the frame cannot be converted.
        """
        if int(frame.colorspace) not in _KNOWN_MATRICES:
            frame.colorspace = _BT2020 if int(frame.colorspace) == _BT2020_CONSTANT else _UNSPECIFIED
        return upright(torch.from_numpy(self._rgb(frame)), display_matrix(frame) or self.matrix)

    def _rgb(self, frame: VideoFrame) -> NDArray[Any]:
        if frame.interlaced_frame or any(part.bits > 8 for part in frame.format.components):
            return self._filtered(frame).to_ndarray()
        # threads=1: libswscale would start a pool of its own for every file
        how = Interpolation.BICUBIC
        return self._reformatter.reformat(frame, format="rgb24", interpolation=how, threads=1).to_ndarray()

    def _filtered(self, frame: VideoFrame) -> VideoFrame:
        """By a chain of filters, as the command ffmpeg does it: the reformatter takes fields apart and places the
        colours of more than 8 bits elsewhere."""
        key = (frame.width, frame.height, frame.format.name, int(frame.colorspace), int(frame.color_range))
        if self._graph is None or self._graph[0] != key:
            self._graph = key, _graph(*key)
        graph = self._graph[1]
        graph.push(frame)
        result = graph.pull()
        assert isinstance(result, VideoFrame)
        return result


def _graph(width: int, height: int, pixels: str, matrix: int, color_range: int) -> Graph:
    graph = Graph()
    graph.threads = 1
    properties = (
        f"video_size={width}x{height}:pix_fmt={pixels}:time_base=1/1000:colorspace={matrix}:range={color_range}"
    )
    chain = [graph.add("buffer", properties), graph.add("format", "rgb24"), graph.add("buffersink")]
    chain[0].link_to(chain[1])
    chain[1].link_to(chain[2])
    graph.configure()
    return graph


def display_matrix(frame: VideoFrame) -> tuple[int, int, int, int] | None:
    """a, b, c, d of the matrix with which a file asks for its picture to be shown: a pixel at (x, y) is shown at
    (a x + c y, b x + d y). Upright is (1, 0, 0, 1); None where the frame says nothing."""
    side: Any = frame.side_data.get("DISPLAYMATRIX")  # a buffer
    if side is None:
        return None
    values = memoryview(bytes(side)).cast("i")
    return values[0], values[1], values[3], values[4]


def is_mirrored(matrix: tuple[int, int, int, int]) -> bool:
    a, b, c, d = matrix
    return a * d - b * c < 0


def upright(picture: Tensor, matrix: tuple[int, int, int, int]) -> Tensor:
    """A picture (H, W, 3) shown by a display matrix, by quarter turns and mirrors."""
    a, b, c, d = matrix
    if abs(b) + abs(c) > abs(a) + abs(d):  # x and y change places
        picture, x_from, y_from = picture.transpose(0, 1), c, b
    else:
        x_from, y_from = a, d
    sides = [side for side, sign in ((0, y_from), (1, x_from)) if sign < 0]
    return picture.flip(sides) if sides else picture.contiguous()
