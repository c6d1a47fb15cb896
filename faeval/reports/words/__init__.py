"""How verdicts, codes and numbers are said."""
