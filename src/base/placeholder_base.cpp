// The base layer is built here; files follow.
