"""Speed, put on from outside: nothing in `lib.model` knows of it."""
