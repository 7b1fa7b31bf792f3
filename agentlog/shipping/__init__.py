"""From the journal to an endpoint: what was recorded arrives, and nothing claims what is not so."""
