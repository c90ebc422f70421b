"""One figure of Optuna's, without what its package imports for all the others."""

import subprocess
import sys

import optuna
import pytest

from convsweep.study.optuna_parts import part

pytest.importorskip("plotly")


def test_a_part_comes_alone_and_leaves_its_package_as_it_was() -> None:
    code = (
        "import sys\n"
        "from convsweep.study.optuna_parts import part\n"
        "alone = part('visualization', '_slice', 'plot_slice')\n"
        "evaluator = part('importance', '_ped_anova.evaluator', 'PedAnovaImportanceEvaluator')\n"
        "assert not {'matplotlib', 'sklearn', 'scipy', 'pandas'} & set(sys.modules)\n"
        "assert not [name for name in sys.modules if name.startswith(('optuna.vis', 'optuna.imp'))]\n"
        "import optuna\n"
        "assert optuna.visualization.plot_slice.__name__ == alone.__name__\n"
        "assert optuna.visualization.plot_contour\n"
        "assert part('visualization', '_slice', 'plot_slice') is alone\n"
    )
    subprocess.run([sys.executable, "-c", code], timeout=60, check=True)


def test_what_another_version_keeps_elsewhere_comes_with_its_package() -> None:
    for module in ("_nowhere", "_utils"):
        assert part("visualization", module, "plot_rank").__doc__ == optuna.visualization.plot_rank.__doc__
    with pytest.raises(AttributeError):
        part("visualization", "_slice", "nothing")
