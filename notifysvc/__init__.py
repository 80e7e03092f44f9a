"""Tells people and programs of changes: live streams, the inbox, e-mail."""
