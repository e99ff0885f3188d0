//! Where user-data and meta-data come from (docs/datasources.md): one file per data source, one table of them all.
//!
//! A source answers: here it is, not here yet, never here. It reads, and writes nothing but the question that a
//! serial line wants to be asked. What a platform hands out is taken as it comes from a stranger: bounded in size,
//! depth and time, and never shown.
//!
//! A run asks in this order (docs/applying.md): [`choose()`], then [`Datasource::meta_data`], then, when the network is as the
//! meta-data wants it, [`Datasource::user_data`]. A failure of one of the last two does not keep it from the other.

pub mod choose;
pub mod cloudsigma;
pub mod configdrive;
pub mod context;
mod digitalocean;
pub mod ec2;
pub mod file;
mod files;
pub mod gce;
mod json;
mod json_service;
mod meta_data;
mod packet;
pub mod proc_cmdline;
mod service;
pub mod table;
pub mod url;
pub mod vmware;
pub mod waagent;
mod xml;

use anyhow::Result;

pub use choose::{Candidate, NoSource, choose};
pub use context::{Context, Places, Policy, Probing, Setup};
pub use meta_data::{Addresses, MetaData};
pub use table::{Entry, OEMS, Oem, TABLE, candidates, oem};

/// Whether a source is there. What is said of one that is not names it, and holds no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It is here.
    Here,
    /// It is not here, and may still come.
    NotYet(String),
    /// It cannot come any more.
    Never(String),
}

/// A place that user-data and meta-data come from (docs/datasources.md).
pub trait Datasource: Send + Sync {
    /// What its user-data is called in the log: a path or an address, without credentials.
    fn name(&self) -> String;

    /// Looks once whether it is here.
    fn probe(&self, cx: &Context<'_>) -> Availability;

    /// Whether it is here beyond doubt, where that is known without waiting for anything.
    fn is_at_hand(&self) -> bool {
        false
    }

    /// Reads what the platform says of the machine. What could not be read is among the failures of the answer,
    /// and costs nothing but itself.
    fn meta_data(&self, cx: &Context<'_>) -> MetaData;

    /// Reads the user-data; without any it is empty.
    fn user_data(&self, cx: &Context<'_>) -> Result<Vec<u8>>;
}
