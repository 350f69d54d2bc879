# SPDX-License-Identifier: MIT
"""Checks of the files in deploy/ and .github/, with nothing but the files."""
