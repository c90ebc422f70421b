"""A function of one's own that a key names by its dotted path, as it is or as `_target_` beside its arguments."""

import difflib
import importlib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from src.config.own_model import folder
from src.config.source import NotThere, signature

PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
# What a function does not return that is to return such: in the words of `Signature.returns`.
REFUSED = {
    "numbers": ("nothing", "a tuple", "a text", "a list", "a dict", "a set", "a generator", "a function"),
    "arrays": ("nothing", "a text", "a set", "a function", "true or false"),
}


@dataclass(frozen=True)
class OwnFunction:
    """A function or a class by its dotted path, and what it is given by name."""

    path: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any) -> "OwnFunction | None":
        """Read a key's value: a path, or a mapping with `_target_`; None for anything else."""
        given = value if isinstance(value, Mapping) else {"_target_": value}
        path = given.get("_target_")
        if not isinstance(path, str) or not PATH.fullmatch(path):
            return None
        return cls(path, {str(key): item for key, item in given.items() if key != "_target_"})

    def check(
        self, key: str, given: Sequence[str], example: str, named: Sequence[str] = (), wanted: str = "numbers"
    ) -> list[str]:
        """Return what is wrong, a line each, as far as it can be known without running the function's module.

        Args:
            key: That names it.
            given: What it is called with, in words.
            example: A path to type in its place.
            named: What it is given as well, by these names, where it has them.
            wanted: What it is to return: `numbers` or `arrays`.
        """
        what = f"`{key}` must be a function" + (f" of {' and '.join(given)}" if given else "")
        try:
            takes = signature(self.path, folder())
        except NotThere as error:
            return [f"{what}, got {self.path}: {error}; type e.g. {key}={error.meant or example}"]
        if takes is None:
            return []
        first = 0 if takes.is_class else len(given)
        problems = []
        if takes.returns in REFUSED[wanted]:
            problems.append(f"{what} that returns {wanted}, got {self.path}, which returns {takes.returns}")
        if len(takes.names) < first and not takes.any_other:
            name = self.path.rpartition(".")[2]
            asked = ", ".join([*given, *self.arguments])
            problems.append(
                f"{what}, got {self.path}({', '.join(takes.names)}); type e.g. def {name}({asked}): in its file"
            )
        theirs = takes.names[first:]
        for name in () if takes.any_other else self.arguments:
            if name not in theirs:
                close = difflib.get_close_matches(name, theirs, 1)
                problems.append(
                    f"`{key}.{name}` must be an argument of {self.path}, which has {', '.join(theirs) or 'no more'}; "
                    + (f"did you mean {key}.{close[0]}?" if close else f"leave it out, or type ~{key}.{name}")
                )
        lacking = [name for name in takes.required[first:] if name not in (*self.arguments, *named)]
        if lacking:
            asked = ", ".join([f"_target_: {self.path}", *(f"{name}: 1" for name in lacking)])
            problems.append(
                f"`{key}` must give {self.path} its {' and '.join(lacking)}: there is no default; "
                f"type e.g. '{key}={{{asked}}}'"
            )
        return problems

    def load(self) -> Callable[..., Any]:
        """Import the function; modules are looked for where the command was typed, too.

        Raises:
            NotThere: There is no such function.
            Exception: What its module raises while it is imported.
        """
        if str(folder()) not in sys.path:
            sys.path.insert(0, str(folder()))
        module, _, name = self.path.rpartition(".")
        found = getattr(importlib.import_module(module), name, None)
        if not callable(found):
            raise NotThere(f"{module} has no function {name}")
        return found
