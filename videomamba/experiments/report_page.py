"""A report as one html file that needs no network."""

import base64
import html
import io
import tempfile
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from videomamba.data import VideoError
from videomamba.data.excerpt import write_excerpt
from videomamba.data.reader import VideoReader
from videomamba.experiments.judged import Judged
from videomamba.experiments.report import Comparison, Report, compare
from videomamba.files import printable, write_text
from videomamba.viz.confusion import confusion_figure
from videomamba.viz.learning import learning_figure

MISTAKES = 12  # clips of each checkpoint
_PAIRS = 15


def write_report(file: Path, reports: Sequence[Report], *, progress: Callable[[int, int], None] | None = None) -> None:
    """Writes the page.

    Args:
        file: ends in .html.
        reports: one, or two to be compared.
        progress: called with (clips done, clips in all).
    """
    clips = sum(len(report.worst(MISTAKES)) for report in reports)
    done = iter(range(1, clips + 1))

    def clip(video: Judged) -> str:
        shown = clip_figure(video)
        if progress is not None:
            progress(next(done), clips)
        return shown

    parts = [_curves(reports)]
    if len(reports) > 1:
        parts.append(_comparison(reports[0], reports[1], compare(reports[0], reports[1])))
    parts += [_report(report, clip) for report in reports]
    template = resources.files("videomamba.experiments").joinpath("report_page.html").read_text(encoding="utf-8")
    title = " and ".join(_text(report.name) for report in reports)
    write_text(file, template.replace("%TITLE%", title).replace("%BODY%", "\n".join(parts)))


def _report(report: Report, clip: Callable[[Judged], str]) -> str:
    wrong = sum(not video.is_right for video in report.judged)
    pairs = [[a, b, str(ab), str(ba)] for a, b, ab, ba in report.confused_pairs()[:_PAIRS]]
    classes = [[name, "no video" if x is None else f"{100 * x:.1f} %"] for name, x in report.per_class().items()]
    worst = "".join(clip(video) for video in report.worst(MISTAKES)) or "<p>No mistake.</p>"
    figure = confusion_figure(report.confusion, [printable(name) for name in report.class_names])
    return f"""<section><h2>{_text(report.name)}</h2>
<p><b>top-1 {100 * report.top1:.1f} %</b> of {len(report.judged)} videos; {wrong} wrong</p>
<h3>Which class is taken for which</h3>
{_picture(figure, "confusion matrix; its numbers are in the tables beside it")}
<div class="tables">{_table(["a", "b", "a taken for b", "b taken for a"], pairs, "pairs that are confused")}
{_table(["class", "right"], classes, "each class")}</div>
<h3>The worst mistakes</h3>
<p>Surest of the wrong class first; the middle 10 seconds of each video.</p>
<div class="clips">{worst}</div></section>"""


def clip_figure(video: Judged) -> str:
    """Html of a clip that plays, under which stands what the model said and what is true."""
    name, said, truth = (_text(text) for text in (video.path.name, video.said, video.truth))
    words = f"said <b>{said}</b> ({100 * video.probability:.0f} %), is <b>{truth}</b> ({100 * video.of_truth:.0f} %)"
    try:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "clip.mp4"
            write_excerpt(video.path, target)
            data, poster = base64.b64encode(target.read_bytes()).decode(), _poster(target)
        sources = f'poster="{poster}" src="data:video/mp4;base64,{data}"'
        shown = f'<video controls loop muted playsinline {sources} aria-label="{name}"></video>'
    except VideoError as error:
        shown = f"<p>{_text(str(error))}</p>"
    return f"<figure>{shown}<figcaption>{words}<br><small>{name}</small></figcaption></figure>"


def _poster(video: Path) -> str:
    """The middle frame, which is shown until the clip plays."""
    with VideoReader(video) as reader:
        frame = reader.read([reader.num_frames // 2]).frames[0].permute(1, 2, 0).numpy()
    data = io.BytesIO()
    Image.fromarray(frame).save(data, format="jpeg", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"


def _curves(reports: Sequence[Report]) -> str:
    runs = {printable(report.name): report.curve for report in reports if report.curve}
    if not runs:
        return ""
    return (
        f"<section><h2>Learning curves</h2>{_picture(learning_figure(runs), 'losses and figures by epoch')}</section>"
    )


def _comparison(first: Report, second: Report, found: Comparison) -> str:
    def percent(value: float | None, sign: str = "") -> str:
        return "" if value is None else f"{value:{sign}.1f}"

    rows = [[name, percent(a), percent(b), percent(change, "+")] for name, a, b, change in found.rows]
    head = ["top-1, %", first.name, second.name, "difference"]
    settings = _table(["setting", first.name, second.name], found.settings, "settings that differ")
    return f"""<section><h2>Compared</h2>{_table(head, rows, "the same videos")}
<p>{_text(found.sentence(first.name, second.name))}.</p>
{settings if found.settings else ""}</section>"""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    if not rows:
        return ""
    top = "".join(f'<th scope="col">{_text(name)}</th>' for name in head)
    body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><caption>{caption}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _picture(figure: Figure, words: str) -> str:
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=144)
    return f'<img alt="{words}" src="data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}">'


def _text(text: str) -> str:
    return html.escape(printable(text))
