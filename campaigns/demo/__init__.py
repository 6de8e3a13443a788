"""The demo: a year of real purchases, exported as the folder a shop would hand over."""
