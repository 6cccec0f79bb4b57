// The cost layer is built here; files follow.
