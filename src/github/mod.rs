//! The gateway to GitHub: app authentication, throttle, reads and writes; payload to signal.
