"""Promises under attack and load, counted in full. Each module is a command of its own."""
