"""python -m faeval is the command line."""

from faeval.cli import main

main()
