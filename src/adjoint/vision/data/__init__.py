"""Floor 5, vision: data that come with the package. See README.md beside this file."""
