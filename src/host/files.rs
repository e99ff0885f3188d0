//! Writing files whole: never half, never visible before owner and mode are right (spec §6).
