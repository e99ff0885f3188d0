//! SSH keys, as the user (spec §7).
