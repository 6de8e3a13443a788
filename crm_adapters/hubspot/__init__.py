"""HubSpot, translated."""
