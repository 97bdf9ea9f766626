"""The shared room: what web and worker say to each other, in plain Python and pydantic."""
