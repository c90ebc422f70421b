"""What a shell completes after `convsweep`: commands, their options, studies, and Hydra's overrides of a sweep."""

import contextlib
import io
import os
import re
import runpy
import sys
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path("multirun")  # the studies'
OF_HYDRA = ("--cfg", "--config-dir", "--config-name", "--dry-run", "--help", "--hydra-help", "--info", "--multirun",
            "--package", "--resolve", "-m")  # fmt: skip
TAKES_A_STUDY = re.compile(r"\b(study|studies|source)\b", re.IGNORECASE)  # in the line of its usage

INSTALL = """\
bash  eval "$(convsweep --completion bash)"
zsh   eval "$(convsweep --completion zsh)"
fish  convsweep --completion fish | source
Typed once in a terminal, or kept in ~/.bashrc, ~/.zshrc or ~/.config/fish/config.fish."""

# A shell splits words at `=` and `:` as well: what stands before its own word is cut off from each candidate.
BASH = r"""_convsweep() {
    local line="${COMP_LINE:0:$COMP_POINT}" one
    local typed="${line##* }" here="${COMP_WORDS[COMP_CWORD]}"
    [[ "$here" == [=:] ]] && here=""
    local skip=$(( ${#typed} - ${#here} )) IFS=$'\n'
    COMPREPLY=()
    for one in $(COMP_LINE="$line" convsweep --complete 2>/dev/null); do
        [[ "$one" == *[=./] || "$one" == *=* ]] || one+=" "
        COMPREPLY+=("${one:$skip}")
    done
}
complete -o nospace -o default -F _convsweep convsweep"""
# zsh and fish put quotes around a candidate themselves, where one is begun or needed.
ZSH = r"""(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_convsweep() {
    local -a found
    found=("${(@f)$(COMP_LINE="${words[1,CURRENT]}" convsweep --complete 2>/dev/null)}")
    found=("${found[@]#[\'\"]}")
    [[ -n "$found" ]] && compadd -S '' -- "${found[@]}" || _files
}
compdef _convsweep convsweep"""
FISH = r"""function __convsweep
    set -lx COMP_LINE (commandline -cp)
    set -l found (convsweep --complete 2>/dev/null | string replace -r "^['\"]" '')
    if test -n "$found"
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c convsweep -f -a '(__convsweep)'"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def script(shell: str | None) -> str:
    """Return what a shell is to evaluate; without a shell, what to type in each.

    Raises:
        SystemExit: There is none for that shell.
    """
    if shell is None:
        return INSTALL
    if shell not in SCRIPTS:
        sys.exit(f"error: `--completion` must be one of {', '.join(SCRIPTS)}, got {shell}")
    return SCRIPTS[shell]


def complete(commands: Iterable[str]) -> None:
    """Print the candidates for the last word of the line that the shell has in $COMP_LINE, one a line."""
    line = os.environ.get("COMP_LINE", "")
    words = line.split()[1:]
    word = "" if not words or line[-1].isspace() else words[-1]
    before = words if not word else words[:-1]
    quote = word[:1] if word[:1] in ("'", '"') else ""
    for candidate in _candidates(before, word.removeprefix(quote), list(commands)):
        print(quote + candidate)


def _candidates(before: list[str], word: str, commands: list[str]) -> list[str]:
    if not before:
        found = [*commands, "--completion", "--help", "--version"] if word.startswith("-") else commands
    elif before[0] == "sweep":
        found = list(OF_HYDRA) if word.startswith("-") else _overrides(before[1:], word)
    elif before[0] in commands:
        usage = _run(f"src.{before[0]}", ["--help"])
        if word.startswith("-"):
            found = list(dict.fromkeys(re.findall(r"(?<![\w-])--[a-z][\w-]*", usage)))
        else:
            found = _studies() if TAKES_A_STUDY.search(usage.partition("\n\n")[0]) else []
    else:
        found = []
    return [candidate for candidate in found if candidate.startswith(word)]


def _studies() -> list[str]:
    return sorted(journal.parent.name for journal in FOLDER.glob("*/journal.log"))


def _overrides(before: list[str], word: str) -> list[str]:
    """Return Hydra's candidates; of several values, `key=a,b` and `key=[a,b]`, those for the last one."""
    several = re.fullmatch(r"([^=]+=)(.*[,\[])([^,\[\]]*)", word)
    asked, typed = (several[1] + several[3], several[1] + several[2]) if several else (word, "")
    given = [one for one in before if one == "-m" or not one.startswith("-")]
    os.environ["COMP_LINE"] = " ".join(["convsweep", *given, asked])
    found = _run("src.sweep", ["--shell-completion", "query=fish"]).splitlines()
    if several:
        taken = several[2].strip("[,").split(",")
        values = [one.removeprefix(several[1]) for one in found if one.startswith(several[1])]
        return [typed + value for value in values if value not in taken]
    return found


def _run(module: str, arguments: list[str]) -> str:
    """Return what a command prints; nothing where it cannot."""
    out = io.StringIO()
    sys.argv[1:] = arguments
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit, Exception):
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    return out.getvalue()
