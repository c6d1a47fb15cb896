"""Before a run: power, seeds needed and what a design can tell."""
