//! Planning and coding runs.
