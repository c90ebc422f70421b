"""What does a person see? The plan, the progress while trials run, the summary, and the command that goes on."""

from convsweep.display.command import typed_command
from convsweep.display.status import show_status, show_studies
from convsweep.display.words import say, value_in_words

__all__ = ["say", "show_status", "show_studies", "typed_command", "value_in_words"]
