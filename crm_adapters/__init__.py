"""Adapters translate: a system's words in, our records out. One file per system."""
