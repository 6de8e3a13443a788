"""Klaviyo, translated."""
