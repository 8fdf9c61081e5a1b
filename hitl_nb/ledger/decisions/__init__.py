"""Decisions as they are made, signed, checked and used."""
