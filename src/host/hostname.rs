//! The host name, through hostnamed (spec §10).
