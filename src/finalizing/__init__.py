"""From a finished search to one model: its best configurations are trained again with fresh seeds, one is chosen by
what they came to, trained as asked, judged by the test images once, and kept. Importing the room imports no TensorFlow.
"""

from src.finalizing.candidates import config_folder, find_candidates, typed_overrides
from src.finalizing.choice import Candidate, Choice, candidates_of, choose, choose_all, header_of, rows_of
from src.finalizing.tests_asked import Asked, note_asked, tests_asked

__all__ = [
    "Asked", "Candidate", "Choice", "candidates_of", "choose", "choose_all", "config_folder", "find_candidates",
    "header_of", "note_asked", "rows_of", "tests_asked", "typed_overrides",
]  # fmt: skip
