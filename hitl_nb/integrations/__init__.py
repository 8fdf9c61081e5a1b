"""Agent frameworks on hitl_nb, one module each. A module imports its framework; `import hitl_nb` imports none."""
