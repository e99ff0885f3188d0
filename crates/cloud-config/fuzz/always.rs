//! The checks of the targets: the same as those of the kept inputs.

#[path = "../../../tests/pure/invariants/mod.rs"]
pub mod always;

/// Runs what holds for inputs of the kind `target`.
pub fn run(target: &str, bytes: &[u8]) {
    let (_, check) = always::TARGETS.iter().find(|(name, _)| *name == target).expect("a row of the table");
    check(bytes);
}
