"""`python -m actorio`: the command line, where the script is not on the path."""

from actorio.cli import main

if __name__ == "__main__":
    main()
