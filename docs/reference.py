"""Write docs/reference.md: every command, config group and key, from the schemas themselves.

python -m docs.reference
"""

import argparse
import ast
import dataclasses
import inspect
import re
import runpy
import sys
import textwrap
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import yaml
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from convsweep.config import ConvsweepConf
from convsweep.errors import settable
from src.config import register
from src.config.schema import Config
from src.console import COMMANDS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/reference.md"
PLUGIN = ROOT / "hydra_plugins/hydra_convsweep/conf/hydra/sweeper"
INTRODUCTION = """\
# Reference

Every command, config group and key. Written from the code by `python -m docs.reference`; do not edit it by hand.
[index.md](index.md) leads to the pages that explain them.
"""
# Keys whose option files hold somebody else's arguments: Keras's, Optuna's, a launcher's.
FOREIGN = {"optimizer": "the arguments of Keras's class", "launcher": "the launcher's own", "storage": "see cluster.md"}


class Key(NamedTuple):
    """A key of a schema: its type, its default and what it is, each in words."""

    name: str
    kind: str
    default: str
    about: str


def keys(schema: type, values: dict[str, Any] | None = None, notes: dict[str, str] | None = None) -> list[Key]:
    """Return a schema's keys that a user sets.

    Args:
        schema: A dataclass, whose comments, or whose docstring, say what each key is.
        values: Defaults that a config file gives.
        notes: What that file says of them.
    """
    words = {**(notes or {}), **_words(schema)}
    hints = typing.get_type_hints(schema)
    return [
        Key(field.name, _kind(hints[field.name]), _default(field, values or {}), words.get(field.name, ""))
        for field in dataclasses.fields(schema)
        if field.name in settable(schema) and field.name != "name"
    ]


def _words(schema: type) -> dict[str, str]:
    """Return what is said of each field: in the comment above or beside it, or under `Attributes:`."""
    found: dict[str, str] = {}
    for base in reversed(schema.__mro__[:-1]):
        text = textwrap.dedent(inspect.getsource(base))
        found |= _attributes(inspect.cleandoc(base.__doc__ or ""))
        lines = text.splitlines()
        (tree,) = ast.parse(text).body
        for node in getattr(tree, "body", []):
            if isinstance(node, ast.AnnAssign) and (said := _comment(lines, node)):
                found[ast.unparse(node.target)] = said
    return found


def _comment(lines: list[str], node: ast.AnnAssign) -> str:
    beside = re.search(r"\s{2,}# (.*)$", lines[(node.end_lineno or node.lineno) - 1])
    above: list[str] = []
    for line in reversed(lines[: node.lineno - 1]):
        if not line.strip().startswith("#"):
            break
        above.insert(0, line.strip().removeprefix("#").strip())
    return " ".join(above) or (beside[1] if beside else "")


def _attributes(docstring: str) -> dict[str, str]:
    _, _, text = docstring.partition("Attributes:\n")
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if match := re.match(r"    (\w+): (.*)", line):
            name, found[match[1]] = match[1], match[2]
        elif line.startswith("        ") and name:
            found[name] += f" {line.strip()}"
    return found


def _kind(hint: Any) -> str:
    if hint is Any:
        return ""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return " or ".join(_kind(part) for part in typing.get_args(hint))
    if hint is type(None):
        return "null"
    return {"str": "text", "bool": "true or false", "int": "integer", "float": "number"}.get(
        getattr(hint, "__name__", ""), getattr(typing.get_origin(hint) or hint, "__name__", str(hint))
    )


def _default(field: "dataclasses.Field[Any]", values: dict[str, Any]) -> str:
    if field.name in values:
        value = values[field.name]
    elif field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    else:
        value = field.default
    if value is dataclasses.MISSING or value == "???":
        return ""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def options(folder: Path) -> dict[str, str]:
    """Return a group's options, each with the first sentence of its file."""
    return {path.stem: _first_words(path) for path in sorted(folder.glob("*.yaml"))}


def _first_words(path: Path) -> str:
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# @package"):
            continue
        if not line.startswith("#") or line.startswith("#  ") or (lines and not line.strip("# ")):
            break
        lines.append(line.removeprefix("#").strip())
    return re.split(r"(?<=[.:;]) (?=[A-Z])", " ".join(lines).strip())[0].rstrip(":")


def _notes(path: Path) -> dict[str, str]:
    """Return what a config file says beside its keys."""
    found = re.findall(r"^([a-z]\w*):[^#\n]*#\s*(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return dict(found)


def groups() -> Iterator[tuple[str, Path]]:
    """Yield the groups that a user chooses from, and their folders."""
    for path in sorted((ROOT / "conf").iterdir()):
        if path.is_dir() and any(path.glob("*.yaml")):
            yield path.name, path


def schemas() -> dict[str, dict[type, list[str]]]:
    """Return the schemas of each group as Hydra knows them, with the options that each is for."""
    register()
    found: dict[str, dict[type, list[str]]] = {}
    for name, node in ConfigStore.instance().repo["schemas"].items():
        several = node if isinstance(node, dict) else {"": node}
        for option, one in several.items():
            schema = OmegaConf.get_type(one.node)
            if dataclasses.is_dataclass(schema):
                group = found.setdefault(name.removesuffix(".yaml"), {})
                group.setdefault(schema, []).append(option.removesuffix(".yaml"))
    return found


def group_keys(group: str) -> dict[str, list[Key]]:
    """Return the keys of a group's first option, and of others those that it has not, or with other defaults."""
    found: dict[str, list[Key]] = {}
    first: dict[str, Key] = {}
    for schema, names in schemas().get(group, {}).items():
        line = f"/schemas/{'/'.join(filter(None, [group, names[0]]))}@_here_"
        path = next(file for file in sorted((ROOT / "conf" / group).glob("*.yaml")) if line in file.read_text())
        own = keys(schema, _values(path), _notes(path))
        if new := [key for key in own if first.get(key.name) != key]:
            found[", ".join(filter(None, names)) or path.stem] = new
        first = first or {key.name: key for key in own}
    return found


def _values(path: Path) -> dict[str, Any]:
    return {key: value for key, value in (yaml.safe_load(path.read_text()) or {}).items() if key != "defaults"}


class _Seen(Exception):
    """Ends a command as soon as its options are known."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser


def parser_of(command: str) -> argparse.ArgumentParser | None:
    """Return the parser of a command; None for the sweep, whose arguments Hydra reads."""
    if command == "sweep":
        return None

    def see(parser: argparse.ArgumentParser, *_: Any, **__: Any) -> typing.NoReturn:
        raise _Seen(parser)

    names = ("parse_args", "parse_known_args", "parse_intermixed_args")
    with (
        mock.patch.multiple(argparse.ArgumentParser, **dict.fromkeys(names, see)),
        mock.patch.object(sys, "argv", [""]),
    ):
        try:
            runpy.run_module(f"src.{command}", run_name="__main__")
        except _Seen as seen:
            return seen.parser
    raise AssertionError(f"{command} has no parser")


def _command(name: str, words: str) -> Iterator[str]:
    yield f"### {name}"
    yield f"`convsweep {name}`, `python -m src.{name}`: {words}."
    parser = parser_of(name)
    if parser is None:
        yield (
            "Takes overrides, `key=value` and `group=option`, and Hydra's own flags: `-m` searches, `--cfg job` shows "
            "the config, `--help` what there is to set; `--dry-run` shows what a search would do."
        )
        return
    rows = []
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        called = ", ".join(action.option_strings) or str(action.metavar or action.dest)
        takes = "" if action.nargs == 0 or not action.option_strings else f"={action.metavar or action.dest.upper()}"
        default = "" if action.default in (None, False, [], argparse.SUPPRESS) else str(action.default)
        about = (action.help or "").replace("%(default)s", default).replace("%%", "%")
        rows.append([f"`{called}{takes}`", default, about])
    yield table(["argument", "default", ""], rows)


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table as Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|")


def _key_table(prefix: str, found: list[Key]) -> str:
    rows = [[f"`{prefix}{key.name}`", key.kind, f"`{key.default}`" if key.default else "", key.about] for key in found]
    return table(["key", "type", "default", ""], rows)


def text() -> str:
    """Return the page."""
    parts = [INTRODUCTION.strip(), "## Commands"]
    for name, words in COMMANDS.items():
        parts += _command(name, words)
    parts += ["## Config keys of a training run", "What one training run is: `group=option` and `group.key=value`."]
    top = [key for key in keys(Config, _values(ROOT / "conf/config.yaml")) if key.name not in dict(groups())]
    parts += ["### At the top", _key_table("", top)]
    for group, folder in groups():
        parts += [f"### {group}", table(["option", ""], [[f"`{group}={n}`", w] for n, w in options(folder).items()])]
        if group == "model":
            parts.append(
                "`model=custom` takes `model.build`, the dotted path of your function, and any further key, which the "
                "function gets: [own-model.md](own-model.md)."
            )
        if group in FOREIGN:
            parts.append(f"Further keys, `{group}.key` or those in the file: {FOREIGN[group]}.")
        for i, (title, found) in enumerate(group_keys(group).items()):
            several = len(group_keys(group)) > 1
            which = f"`{group}={title}`" + (", where it differs from the first:" if i else ":")
            parts += [*([f"Keys of {which}"] if several else []),
                      _key_table(f"{group}.", found)]  # fmt: skip
    parts += ["## Config keys of a search", _key_table("hydra.sweeper.", keys(ConvsweepConf))]
    for part in ("sampler", "pruner", "scheduler"):
        rows = [[f"`hydra/sweeper/{part}={name}`", words] for name, words in options(PLUGIN / part).items()]
        parts += [f"### {part}", table(["option", ""], rows)]
    parts += ["## Prepared searches"]
    for folder in ("space", "study"):
        rows = [[f"`{folder}={name}`", words] for name, words in options(ROOT / "sweeps" / folder).items()]
        parts += [f"### {folder}", table(["option", ""], rows)]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
