//! Paths beneath a root folder, walked without following a link that a stranger could have made.
