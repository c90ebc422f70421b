"""Hydra's door to convsweep: the sweeper that Hydra finds here, and its option files; the engine is in `convsweep/`."""
