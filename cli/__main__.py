"""`python -m cli` is the command `taskbell`."""

from cli.main import run

if __name__ == "__main__":
    run()
