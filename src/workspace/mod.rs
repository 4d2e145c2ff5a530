//! Git mirrors, clones for tasks, commits and pushes; the sandbox for processes.
