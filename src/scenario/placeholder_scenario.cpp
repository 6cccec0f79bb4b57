// The scenario layer is built here; files follow.
