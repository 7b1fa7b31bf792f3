"""Recording: what happens in the user's process, per event. Never raises, takes no lock, opens no thread."""
