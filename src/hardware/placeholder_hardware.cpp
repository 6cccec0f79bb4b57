// The hardware layer is built here; files follow.
