"""What does a person see? The plan, the progress while trials run, the summary, and the command that goes on."""

from convsweep.display.command import typed_command
from convsweep.display.status import show_status, show_studies
from convsweep.display.words import error_in_words, mean_in_words, say, value_in_words

__all__ = [
    "error_in_words", "mean_in_words", "say", "show_status", "show_studies", "typed_command", "value_in_words",
]  # fmt: skip
