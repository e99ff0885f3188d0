//! Units and jobs, through systemd's D-Bus API (spec §8).
