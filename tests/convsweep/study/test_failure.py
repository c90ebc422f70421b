"""What is kept of an error."""

import runpy
import sys
from pathlib import Path

import pytest

from convsweep.errors import UserError, as_told, is_installed
from convsweep.study.failure import place_of, traceback_of, without_numbers, words_of

GRAPH = """Graph execution error:

Detected at node cnn_1/dense_1/MatMul defined at (most recent call last):
  File "<string>", line 1, in <module>

  File "/app/src/trial.py", line 50, in main

No BLAS for stream.
\t [[{{node cnn_1/dense_1/MatMul}}]] [Op:__inference_multi_step_on_iterator_1823]"""


def test_what_went_wrong_in_a_graph_comes_before_the_code_that_made_it() -> None:
    words = words_of(RuntimeError(GRAPH))
    assert words.split("\n", 4)[:4] == [
        "Graph execution error:", "", "Detected at node cnn_1/dense_1/MatMul", "No BLAS for stream."
    ]  # fmt: skip
    twice = GRAPH.replace("No BLAS", GRAPH.partition("\n\n")[2])
    assert words_of(RuntimeError(twice)).count("Detected at node") == 2
    assert "File" not in words_of(RuntimeError(twice))


def test_code_that_an_app_quotes_stays() -> None:
    words = 'the rule is wrong:\n  File "rules.py", line 3, in check\n    x = 1'
    assert words_of(RuntimeError(words)) == words


def failing(folder: Path, code: str) -> BaseException:
    (folder / "main.py").write_text(code)
    with pytest.raises(Exception) as caught:
        runpy.run_path(str(folder / "main.py"))
    return caught.value


def test_a_place_is_the_last_line_of_the_apps_own_code(tmp_path: Path) -> None:
    error = failing(tmp_path, "import json\n\ndef read():\n    json.loads('{')\n\nread()\n")
    assert place_of(error, str(tmp_path)) == "main.py:4", "not one of Python's own modules"
    assert place_of(error, "/proc") == f"{tmp_path}/main.py:4"
    assert place_of(ValueError("raised nowhere"), str(tmp_path)) is None


@pytest.mark.parametrize("folder", ["lib/python3/dist-packages", ".local/lib/python3.11/site-packages"])
def test_an_installed_package_is_no_place(folder: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir(parents=True)
    place = place_of(failing(tmp_path / folder, "1 / 0"), str(tmp_path))
    assert place is not None and place.startswith(f"{__file__}:"), "but the line that called it"


def test_what_is_installed_in_a_folder_of_ones_own_is_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by `pip install --target`, and as one's own project is that is installed as editable."""
    records = {
        "there/others-1.0.dist-info/RECORD": "others/__init__.py,sha256=x,9\nothers-1.0.dist-info/RECORD,,\n",
        "there/old-1.0.dist-info/top_level.txt": "old_one\n",
        "there/mine-1.0.dist-info/RECORD": "__editable__.mine.pth,,\nmine-1.0.dist-info/RECORD,,\n",
        "project/mine.egg-info/top_level.txt": "mine\n",
    }
    for name, text in records.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "link").symlink_to(tmp_path / "there")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "link"), str(tmp_path / "project")])
    installed = ["there/others/parts/deep.py", "there/old_one.py", "link/others/__init__.py"]
    own = ["there/beside.py", "project/mine/main.py", "elsewhere/others/__init__.py"]
    assert [is_installed(tmp_path / file) for file in installed + own] == [True] * 3 + [False] * 3
    (tmp_path / "there/others").mkdir()
    place = place_of(failing(tmp_path / "there/others", "1 / 0"), str(tmp_path))
    assert place is not None and place.startswith(f"{__file__}:")


def test_an_error_that_says_what_to_change_has_no_place(tmp_path: Path) -> None:
    error = failing(tmp_path, "raise ValueError('no such file')")
    assert isinstance(error, ValueError)
    assert place_of(as_told(error), str(tmp_path)) is None
    with pytest.raises(UserError) as caught:
        raise UserError("no such key")
    assert place_of(caught.value, "/") is None


def test_a_traceback_begins_with_the_apps_code() -> None:
    name = {"__name__": "hydra.core.utils"}
    exec(compile("def run(app):\n    app()", "utils.py", "exec"), name)
    with pytest.raises(ZeroDivisionError) as caught:
        name["run"](lambda: 1 / 0)  # type: ignore[operator]
    caught.value.with_traceback(caught.value.__traceback__.tb_next)  # type: ignore[union-attr]
    assert "utils.py" not in traceback_of(caught.value)
    assert "1 / 0" in traceback_of(caught.value)


def test_errors_that_differ_in_a_number_are_of_one_kind() -> None:
    assert len({without_numbers(f"lr {lr} is too high") for lr in (0.1, 1e-05, 3, "1,000")}) == 1
