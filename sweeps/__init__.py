"""What to search. A package, so that Hydra finds it from any folder: `hydra.searchpath: [pkg://sweeps]`."""
