"""What is kept of an error."""

from convsweep.study.failure import words_of

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
