// The workload layer is built here; files follow.
