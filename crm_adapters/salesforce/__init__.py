"""Salesforce, translated."""
