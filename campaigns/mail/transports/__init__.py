"""Transports: each one way a finished message leaves the house."""
