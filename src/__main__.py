"""`python -m src COMMAND`, which is `convsweep COMMAND`."""

from src.console import main

if __name__ == "__main__":
    main()
