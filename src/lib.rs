//! The executor of legacy cloud-config.
//!
//! ```text
//!           the program           the library, cloud_config                          the program
//!
//! argv ──► source ──► bytes ══► user_data ══► yaml ══► config ══► plan ══► apply ──► outcome
//!          file, drive,          gunzip, MIME   nodes    types      steps    host      report
//!          cloud, kernel                                                               logger
//! ```
//!
//! The library turns bytes and a few facts into findings and a plan. Everything that reaches a file, a clock, a bus
//! or a network is here.

pub mod apply;
pub mod cli;
pub mod contain;
pub mod deadline;
pub mod explain;
pub mod host;
pub mod http;
pub mod logger;
pub mod outcome;
pub mod report;
pub mod run;
pub mod source;
pub mod terminal;
