"""How a single run ends that is refused: what is said, and what Hydra has laid out for it by then."""

from contextlib import suppress
from pathlib import Path

from hydra.core.hydra_config import HydraConfig

from convsweep.errors import printable

OF_HYDRA = ("config.yaml", "hydra.yaml", "overrides.yaml")


def refuse(error: Exception) -> str:
    """Return what is wrong, a line a problem; the run's folder is gone then unless something was written there."""
    if HydraConfig.initialized():
        _forget(Path(HydraConfig.get().runtime.output_dir))
    return "\n".join(f"error: {printable(problem)}" for problem in str(error).splitlines())


def _forget(folder: Path) -> None:
    """Remove Hydra's files from a folder, and it and those around it as far as that leaves them empty."""
    here = Path.cwd()
    files = [folder / ".hydra" / name for name in OF_HYDRA]
    files += [log for log in folder.glob("*.log") if not log.stat().st_size]
    with suppress(OSError):  # somebody else's files, or none of ours to remove
        for file in files:
            file.unlink(missing_ok=True)
        for emptied in (folder / ".hydra", folder, *folder.parents):
            if emptied == here or emptied in here.parents:
                break
            emptied.rmdir()
