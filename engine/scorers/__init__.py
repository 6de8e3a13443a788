"""Scorers: each one model of what a customer may buy."""
