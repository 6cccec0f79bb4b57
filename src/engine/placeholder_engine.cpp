// The engine layer is built here; files follow.
