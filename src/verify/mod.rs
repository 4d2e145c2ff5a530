//! Verifiers: what proves a step's head commit.
