//! The webhook receiver, health and readiness.
