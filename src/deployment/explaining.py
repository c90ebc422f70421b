"""Pictures of what a model's answers hang on, a file each."""

from dataclasses import replace
from pathlib import Path

from convsweep.errors import printable
from src.dataset import read_images
from src.deployment.answers import Answers
from src.deployment.kept import KeptModel
from src.evaluation import occlusion
from src.report import explanations

ENDING = "_explained.png"
SHOWN = 300  # pixels of an image's larger side, at the least


def explain(model: KeptModel, answers: Answers, folder: Path) -> list[Path]:
    """Write a picture for each image: what the network sees of it, and what its likeliest class hangs on.

    An image is asked about some eighty times.

    Args:
        model: Which has answered.
        answers: Its answers.
        folder: Where to; it is made.

    Returns:
        The files that were written.

    Raises:
        OSError: It cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    how = model.preprocessing
    factor = -(-SHOWN // max(how.image_size))
    to_show = replace(how, image_size=(how.image_size[0] * factor, how.image_size[1] * factor))
    written: dict[Path, None] = {}
    for row, picture in enumerate(answers.pictures):
        images, broken = read_images([picture.file], how)
        shown, gone = read_images([picture.file], to_show)
        if broken or gone:  # since it was answered
            continue
        found = occlusion(answers.network, images[0], int(answers.best[row]), model.temperature)
        name, sure = answers.likeliest(row, 1)[0]
        text = f"{name} {sure:.2f}; partly covered, {found.least:.2f} at the least"
        figure = explanations(shown, found.falls[None], [text], printable(Path(picture.file).name))
        stem, count = Path(picture.file).stem, 1
        while (file := folder / f"{stem}{'' if count == 1 else f'_{count}'}{ENDING}") in written:
            count += 1
        figure.savefig(file, dpi=150)
        written[file] = None
    return list(written)
