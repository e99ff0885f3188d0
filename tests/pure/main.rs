//! The pure tier: everything that is data in, data out, and the program where it needs neither root nor a container.
//!
//! One binary, so that a change of the library links one program and not twenty. `cargo test --test pure plans::`
//! runs a module of it.

mod architecture;
mod compatibility;
mod conversions;
mod corpus_replay;
mod demo_svg;
mod docs;
mod findings;
mod generated;
mod invariants;
mod limits;
mod man_pages;
mod network;
mod oem;
mod performance;
mod plans;
mod print;
mod properties;
mod pyyaml;
mod readme;
mod release;
mod report;
mod schema;
mod secret_canaries;
mod sources;
mod traceability;
mod words;

#[path = "../outcomes/wanted.rs"]
mod wanted;
