"""The parts of the site that come from the code and the tree: mkdocs calls the functions by name (mkdocs.yml).

Each verb has a page with its options, links to files outside of the docs become their names, and every page has a twin
in Markdown, which ``llms.txt`` lists.
"""

import inspect
import re
import warnings
from pathlib import Path
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

from videomamba.cli.main import VERBS, load_verb
from videomamba.tables import as_markdown

_OPTIONS = "<!-- options -->"
_LINK = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+[^)#]*)(?:#[^)]*)?\)")
_OBJECT = re.compile(r"^::: ([\w.]+)$", re.MULTILINE)
_ROLE = re.compile(r":(?:py:)?(?:func|class|meth|data|mod|attr|exc):(?=`|<code)")  # Sphinx's, in docstrings
_SHIM = "https://unpkg.com/iframe-worker/shim"
_twins: dict[str, tuple[str, str]] = {}  # address -> title, text


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fills in the verbs, leaves out pages that are not there, and puts those that are not named under More."""
    docs = Path(config.docs_dir)
    config.nav = _present(config.nav, docs)
    named = set(re.findall(r"[\w/]+\.md", repr(config.nav)))
    others = sorted(str(page.relative_to(docs)) for page in docs.rglob("*.md"))
    more = [page for page in others if page not in named and not page.startswith("commands/")]
    if more:
        config.nav.append({"More": more})
    return config


def _present(entry: Any, docs: Path) -> Any:
    if isinstance(entry, dict):
        found = {name: _present(value, docs) for name, value in entry.items()}
        return {name: value for name, value in found.items() if value}
    if isinstance(entry, list):
        return [found for item in entry if (found := _present(item, docs))]
    if entry == "commands":
        return ["commands/index.md", *({verb: f"commands/{verb}.md"} for verb in VERBS)]
    return entry if (docs / entry).is_file() else None


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the list of the verbs, and a page for each verb that has none."""
    rows = [[f"[{verb}]({verb}.md)", what] for verb, what in VERBS.items()]
    pages = {"commands/index.md": f"# Commands\n\n    videomamba VERB --help\n\n{as_markdown(['verb', 'for'], rows)}\n"}
    for verb in VERBS:
        pages[f"commands/{verb}.md"] = f"# videomamba {verb}\n\n    videomamba {verb} --help\n\n{_OPTIONS}\n"
    for place, text in pages.items():
        if files.get_file_from_path(place) is None:
            files.append(File.generated(config, place, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Inserts a verb's options, resolves links that leave the docs, and keeps the text for the page's twin."""
    if _OPTIONS in markdown:
        markdown = markdown.replace(_OPTIONS, _options(Path(page.file.src_uri).stem))
    here = Path(config.docs_dir, page.file.src_uri).parent

    def name(link: re.Match[str]) -> str:
        target = (here / link[2]).resolve()
        root = Path(config.docs_dir).parent
        return link[0] if target.is_relative_to(config.docs_dir) else f"{link[1]} (`{target.relative_to(root)}`)"

    markdown = _LINK.sub(name, markdown)
    twin = _OBJECT.sub(lambda found: _documented(found[1]), markdown)
    _twins[page.file.src_uri] = (str(page.title), twin)
    return markdown


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Leaves references in docstrings as plain code."""
    return _ROLE.sub("", html)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Has the search of a site that is opened from a folder load nothing from the network."""
    return output.replace(_SHIM, get_relative_url("assets/frame_worker.js", page.url))


def _options(verb: str) -> str:
    """What the verb's docstring says, and a table of its options."""
    import tyro

    function = load_verb(verb)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        parser = tyro.extras.get_parser(function, config=(tyro.conf.FlagCreatePairsOff, tyro.conf.DisallowNone))
    return f"{_about(function.__doc__)}\n\n## Options\n\n{_table(parser)}"


def _about(docstring: str | None) -> str:
    return inspect.cleandoc(docstring or "").partition("\nArgs:")[0].strip()


def _table(parser: Any) -> str:
    """A row per option; a heading and a table for each verb within the verb."""
    rows, within = [], []
    for action in parser._actions[1:]:  # after --help
        if isinstance(action.choices, dict):  # verbs within the verb
            for name, sub in action.choices.items():
                within.append(f"### {name}\n\n{_about(sub.description)}\n\n{_table(sub)}")
            continue
        value = "" if action.metavar is None else f" {action.metavar}"
        name = ("".join(action.option_strings[:1]) + value).strip()
        text = " ".join((action.help or "").split()).removesuffix(" (default: )")
        rows.append([f"`{name}`".replace("|", "\\|"), re.sub(r"([|<>])", r"\\\1", text)])
    table = as_markdown(["option", "meaning"], rows) if rows else ""
    return "\n\n".join([table, *within]).strip()


def _documented(path: str) -> str:
    """A public object's signature and docstring, for the Markdown twin of an API page."""
    global _package
    _package = _package or griffe.load("videomamba", search_paths=[str(Path(__file__).resolve().parents[1])])
    found = _package[path.removeprefix("videomamba.")] if path != "videomamba" else _package
    if found.is_alias:
        found = found.final_target
    text = found.docstring.value if found.docstring else ""
    call = f"{path}({', '.join(parameter.name for parameter in found.parameters)})" if found.is_function else path
    return f"## `{call}`\n\n{_ROLE.sub('', text)}"


_package: Any = None


def on_post_build(config: MkDocsConfig) -> None:
    """Writes the Markdown twins beside the pages, and their list."""
    lines = ["# videomamba", "", config.site_description or "", ""]
    for place, (title, text) in sorted(_twins.items()):
        twin = Path(config.site_dir, place)
        twin.parent.mkdir(parents=True, exist_ok=True)
        twin.write_text(text, encoding="utf-8")
        lines.append(f"- [{title}]({place})")
    Path(config.site_dir, "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
