// The report layer is built here; files follow.
