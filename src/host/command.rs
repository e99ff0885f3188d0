//! Running the distribution's tools: bounded in time, no shell, their last words kept.
