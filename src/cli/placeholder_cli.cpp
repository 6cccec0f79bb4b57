// The cli layer is built here; files follow.
