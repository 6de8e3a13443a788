"""Behaviour events in the form of Segment and RudderStack."""
