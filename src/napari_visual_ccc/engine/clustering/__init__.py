"""Phases by grey level or by features."""
