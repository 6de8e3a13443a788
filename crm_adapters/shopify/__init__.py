"""Shopify, translated."""
