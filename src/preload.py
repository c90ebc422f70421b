"""What the process that forks a machine's workers does for all of them: it imports, and finds out, once."""

from src import trial  # noqa: F401  # with it TensorFlow
from src.recording.environment import code, processor, versions

# Before a worker is replaced the code may have been edited: what runs is what has been imported here.
for find in (code, processor, versions):
    find()
