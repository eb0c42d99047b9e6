"""Long work: a queue of jobs whose records survive the process, child processes that compute, and turns."""
