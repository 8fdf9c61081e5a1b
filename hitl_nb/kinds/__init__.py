"""Kinds of proposed values (text, table, plan and others), with one module for each kind."""
