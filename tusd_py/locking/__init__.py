"""Turns: one maker a file, all behind `base.Locker`."""
