"""Pure computation: frames and arrays in, slates out. No I/O, no clock, no database, no network."""
