// The serving layer is built here; files follow.
