"""Instrumentation of the syntax tree."""
