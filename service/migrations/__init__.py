"""Alembic's script location, inside the package so that an installed wheel can migrate too."""
