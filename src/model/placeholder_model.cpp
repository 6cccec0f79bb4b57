// The model layer is built here; files follow.
