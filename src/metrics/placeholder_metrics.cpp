// The metrics layer is built here; files follow.
