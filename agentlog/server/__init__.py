"""The collector: takes in what agents ship, and lets those read it who may."""
