//! The executor of legacy cloud-config.
//!
//! ```text
//!            the program, src/                 the library, crates/cloud-config/                the program
//!
//! argv ──► source ──► bytes ══► user_data ══► address_tokens ══► yaml ══► config ══► plan ══► apply ──► outcome
//!          file, drive,          gunzip, MIME   $private_ipv4     nodes    types      steps    host      report
//!          cloud, kernel                                                                       changes   logger
//!                                                                                              the machine
//! ```
//!
//! The library turns bytes and a few facts into findings and a plan. All access to files, clocks, D-Bus and networks
//! is in this crate. [`run`] calls the stages in order: it reads a source, plans, and applies or prints the plan.

pub mod apply;
pub mod cli;
pub mod contain;
pub mod deadline;
pub mod explain;
pub mod host;
pub mod http;
pub mod logger;
pub mod os_error;
pub mod outcome;
pub mod report;
pub mod run;
pub mod source;
pub mod terminal;
