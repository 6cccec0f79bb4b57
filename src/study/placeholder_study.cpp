// The study layer is built here; files follow.
