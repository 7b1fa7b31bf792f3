"""From events to something that a person reads.

`node` reads one event, `tree` makes a forest of all of a session and knows what failed first;
`rows` decides what of it is shown, and `text` lays that out for a terminal. `listing` does the
same for the list of sessions. `format`, `glyphs` and `colour` are the small parts they share.

Nothing in this room opens a file, asks for the time or prints.
"""
