"""Bridges: the ways into the tree from what a program logs already; interchangeable."""
