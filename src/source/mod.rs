//! The sources of user-data and meta-data (docs/datasources.md): one file per data source, one table of them all.
//!
//! A probe returns: available, not yet, or never. A source only reads; only the serial line also gets requests. Data of
//! a platform is untrusted: it has limits on size, depth and time, and is never printed.
//!
//! A run asks in this order (docs/applying.md): [`choose()`], then [`Datasource::meta_data`], then, after the network
//! is set up from the meta-data, [`Datasource::user_data`]. A failure of one of the last two does not prevent the
//! other.

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
pub mod nocloud;
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

/// The availability of a source. The reason of an unavailable one names it, and holds no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It is available.
    Here,
    /// It is not available yet.
    NotYet(String),
    /// It cannot become available.
    Never(String),
}

/// A place that user-data and meta-data come from (docs/datasources.md).
pub trait Datasource: Send + Sync {
    /// Returns the name of its user-data in the log: a path or a URL, without credentials.
    fn name(&self) -> String;

    /// Checks once whether it is available.
    fn probe(&self, cx: &Context<'_>) -> Availability;

    /// Returns true if the source is certain to be available, as far as that is known without waiting.
    fn is_at_hand(&self) -> bool {
        false
    }

    /// Reads the platform's meta-data. Values that could not be read are failures in the result, and are skipped.
    fn meta_data(&self, cx: &Context<'_>) -> MetaData;

    /// Reads the user-data; without any it is empty.
    fn user_data(&self, cx: &Context<'_>) -> Result<Vec<u8>>;
}
