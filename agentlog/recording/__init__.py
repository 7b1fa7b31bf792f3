"""What happens in the user's process, per event: no exception, no lock, no thread."""
