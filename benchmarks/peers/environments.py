"""The environments of the ways: convsweep's own, one for its peers, one for Hydra's sweeper with a Hydra of its own."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

from benchmarks.peers.setting import ROOT

OURS, PEERS, OFFICIAL = ".venv", ".venv-peers", ".venv-peers-official"
SHARED = ("tensorflow", "keras", "numpy", "optuna")  # in the versions of requirements.lock, everywhere
PACKAGES = {
    PEERS: [*SHARED, "mlflow", "keras-tuner==1.4.8", "tensorboard", "ray[tune]==2.60.0"],
    OFFICIAL: [*SHARED, "hydra-core==1.4.0rc3", "hydra-optuna-sweeper==1.4.0rc3", "hydra-joblib-launcher==1.4.0rc3"],
}
UV = ROOT / ".venv/bin/uv"


def _pinned(package: str) -> str:
    found = re.search(rf"^{re.escape(package)}==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    return f"{package}=={found[1]}" if found else package


@cache
def python(environment: str) -> Path:
    """Return an environment's Python; lay the environment where it is not there or has other packages, compiled."""
    interpreter = ROOT / environment / "bin/python"
    if environment == OURS:
        return interpreter
    packages = [_pinned(package) for package in PACKAGES[environment]]
    stamp, wanted = ROOT / environment / "installed", "\n".join(packages)
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"laying {environment}: {', '.join(packages)}", flush=True)
        new = [UV, "venv", "--quiet", "--allow-existing", "--python", sys.executable, ROOT / environment]
        lay = [UV, "pip", "install", "--quiet", "--compile-bytecode", "--prerelease=if-necessary-or-explicit"]
        subprocess.run(new, check=True)
        subprocess.run([*lay, "--python", interpreter, *packages], check=True)
        stamp.write_text(wanted)
    return interpreter


def versions(environment: str) -> dict[str, str]:
    """Return the versions of what a reader compares by."""
    names = ["tensorflow", "keras", "optuna", "mlflow", "keras-tuner", "ray", "hydra-core", "hydra-optuna-sweeper"]
    code = (
        "import importlib.metadata as m, sys\n"
        "for name in sys.argv[1:]:\n"
        "    try: print(name, m.version(name))\n"
        "    except m.PackageNotFoundError: pass\n"
    )
    done = subprocess.run([python(environment), "-c", code, *names], capture_output=True, text=True, check=True)
    return dict(line.split() for line in done.stdout.splitlines())
