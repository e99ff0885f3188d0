//! The one connection to the system bus.
