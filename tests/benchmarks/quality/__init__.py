"""How good picks are: on the year of the demo, on parts of it, and whether their reasons hold."""
