//! The loops: deliveries, effects, timers, sweeps, shutdown.
