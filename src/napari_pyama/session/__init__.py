"""What all docks of one viewer share: what is open, in view, and set."""
