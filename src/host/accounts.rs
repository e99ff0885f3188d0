//! Users and groups, through the distribution's tools (spec §7).
