//! The executor of legacy cloud-config.
//!
//! One picture, which the names of the modules repeat:
//!
//! ```text
//! argv ──► source ──► bytes ──► parts ──► text ──► Document ──► CloudConfig ──► Plan ──► apply ──► Outcome
//!          where it    gunzip,   one per   $tokens   nodes with   typed, what     typed    the only   what was
//!          comes from  MIME      user-data replaced  positions    the user wants  steps    effects    done, said
//! ```
//!
//! Everything left of *apply* is pure: bytes in, data out; no clock, no file system, no bus.

pub mod apply;
pub mod cli;
pub mod config;
pub mod contain;
pub mod deadline;
pub mod finding;
pub mod host;
pub mod json;
pub mod lint;
pub mod logger;
pub mod nearest;
pub mod network;
pub mod outcome;
pub mod parts;
pub mod plan;
pub mod print;
pub mod reading;
pub mod report;
pub mod run;
pub mod schema;
pub mod secret;
pub mod shown;
pub mod source;
pub mod substitute;
pub mod terminal;
pub mod text;
pub mod yaml;
