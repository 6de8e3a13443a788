"""Vendure, translated."""
